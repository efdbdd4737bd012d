/// Float32 elements of a known shape that one call may read. Never stored: the memory belongs to a session or a weight.
public struct TensorView {
  public let shape: Shape
  public let base: UnsafePointer<Float>

  public init(shape: Shape, base: UnsafePointer<Float>) {
    self.shape = shape
    self.base = base
  }

  /// The elements in row-major order.
  public var elements: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: base, count: shape.count) }
}

/// Float32 elements of a known shape that one call may write. Never stored.
public struct MutableTensorView {
  public let shape: Shape
  public let base: UnsafeMutablePointer<Float>

  public init(shape: Shape, base: UnsafeMutablePointer<Float>) {
    self.shape = shape
    self.base = base
  }

  /// The elements in row-major order.
  public var elements: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: base, count: shape.count) }

  /// The same memory, for reading.
  public var readOnly: TensorView { TensorView(shape: shape, base: base) }
}
