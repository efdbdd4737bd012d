/// The lengths of a tensor's axes, row-major: the last axis is contiguous.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// Length of each axis; an empty array is a scalar.
  public var dims: [Int]

  public init(_ dims: [Int]) {
    precondition(dims.allSatisfy { $0 >= 0 }, "negative axis length in \(dims)")
    self.dims = dims
  }

  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// Number of axes.
  public var rank: Int { dims.count }
  /// Number of elements; 1 for a scalar.
  public var count: Int { dims.reduce(1, *) }

  public subscript(axis: Int) -> Int { dims[axis] }

  /// Elements between neighbours along each axis.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: dims.count)
    for axis in stride(from: dims.count - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * dims[axis + 1] }
    return strides
  }

  /// `axis` counted from the front when negative (from the back), or `nil` when there is no such axis.
  public func normalized(axis: Int) -> Int? {
    let positive = axis < 0 ? axis + rank : axis
    return dims.indices.contains(positive) ? positive : nil
  }

  /// The shape that two operands broadcast to by NumPy's rule, or `nil` when they do not.
  public func broadcast(with other: Shape) -> Shape? {
    let rank = max(rank, other.rank)
    var result = [Int](repeating: 1, count: rank)
    for axis in 0..<rank {
      let a = axis - (rank - self.rank) >= 0 ? dims[axis - (rank - self.rank)] : 1
      let b = axis - (rank - other.rank) >= 0 ? other.dims[axis - (rank - other.rank)] : 1
      guard a == b || a == 1 || b == 1 else { return nil }
      result[axis] = a == 1 ? b : a
    }
    return Shape(result)
  }

  /// Strides of this shape seen as `target`, with 0 along every broadcast axis.
  public func broadcastStrides(to target: Shape) -> [Int] {
    let own = strides
    let missing = target.rank - rank
    return (0..<target.rank).map { axis in
      axis < missing || dims[axis - missing] == 1 ? 0 : own[axis - missing]
    }
  }

  public var description: String { "[" + dims.map(String.init).joined(separator: ", ") + "]" }
}
