/// An array read from an npy or npz file, row-major.
public struct NumPyArray: Sendable, Equatable {
  /// Length of each axis; empty for a scalar.
  public let shape: [Int]
  /// Type of the elements.
  public let type: NumPyType
  /// The elements as they lie in the file.
  private let bytes: [UInt8]

  /// `bytes` must fill the shape.
  init(shape: [Int], type: NumPyType, bytes: [UInt8]) {
    precondition(bytes.count == shape.reduce(type.size, *), "bytes do not fill the shape")
    self.shape = shape
    self.type = type
    self.bytes = bytes
  }

  /// Number of elements.
  public var count: Int { bytes.count / type.size }

  /// The elements as float64; integers beyond 2^53 are rounded, booleans are 0 and 1.
  public var values: [Double] {
    switch type {
    case .float32: elements(Float.self).map { Double($0) }
    case .float64: elements(Double.self)
    case .uint8: bytes.map { Double($0) }
    case .boolean: bytes.map { $0 == 0 ? 0 : 1 }
    case .int32: elements(Int32.self).map { Double($0) }
    case .int64: elements(Int64.self).map { Double($0) }
    }
  }

  /// The elements rounded to float32.
  public var floats: [Float] { type == .float32 ? elements(Float.self) : values.map { Float($0) } }

  /// The elements as integers, floats truncated; `nil` when one does not fit.
  public var integers: [Int]? {
    if type == .int64 { return elements(Int64.self).map { Int($0) } }
    let integers = values.compactMap { Int(exactly: $0.rounded(.towardZero)) }
    return integers.count == count ? integers : nil
  }

  private func elements<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element] {
    bytes.withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: type) }
    }
  }
}
