/// Which substitutions of neighbouring columns are wanted.
public struct EditMask: Hashable, Sendable {
  /// One byte a column; bit `b` says that putting base `b` there is wanted.
  private var bits: [UInt8]

  /// None.
  public init(length: Int) { bits = [UInt8](repeating: 0, count: length) }

  public var length: Int { bits.count }

  public mutating func insert(base: Int, column: Int) { bits[column] |= 1 << UInt8(base) }

  public func contains(base: Int, column: Int) -> Bool { bits[column] & 1 << UInt8(base) != 0 }
}
