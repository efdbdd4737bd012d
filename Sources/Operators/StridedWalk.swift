public import NetworkGraph
public import Tensors

extension Shape {
  /// Elements beyond which a shape is taken for a mistake in the file: 2^40.
  static let largestCount = 1 << 40

  /// A shape from numbers that a file gave: negative lengths and sizes beyond 2^40 elements throw instead of trapping.
  public static func checked(_ dims: [Int]) throws(OperatorError) -> Shape {
    var count = 1
    for length in dims {
      let (product, overflow) = count.multipliedReportingOverflow(by: max(length, 1))
      guard length >= 0, !overflow, product <= largestCount else {
        throw OperatorError("\(dims) is no shape that a tensor can have")
      }
      count = product
    }
    return Shape(dims)
  }

  /// Calls `body` with the index of every element in row-major order.
  ///
  /// For plain evaluation: clear, and slow.
  func forEachIndex(_ body: (_ index: [Int]) -> Void) {
    guard count > 0 else { return }
    var index = [Int](repeating: 0, count: rank)
    for _ in 0..<count {
      body(index)
      for axis in dims.indices.reversed() {
        index[axis] += 1
        if index[axis] < dims[axis] { break }
        index[axis] = 0
      }
    }
  }

  /// Row-major offset of an element.
  func offset(of index: [Int]) -> Int {
    var offset = 0
    for (axis, position) in index.enumerated() { offset = offset * dims[axis] + position }
    return offset
  }

  /// Row-major offset of the element that broadcasts to `index` of a shape with at least as many axes.
  func offset(broadcastTo index: [Int]) -> Int {
    var offset = 0
    for axis in dims.indices {
      offset = offset * dims[axis] + (dims[axis] == 1 ? 0 : index[axis + index.count - rank])
    }
    return offset
  }
}

/// A box of elements walked in several tensors at once: for each tensor a start and a stride along every axis.
///
/// Axes of length 1 are dropped and neighbouring axes that all tensors walk evenly are merged, so that rows are long.
struct StridedWalk: Sendable {
  private let outer: [Int]
  private let outerStrides: [[Int]]
  private let starts: [Int]
  /// Elements of a row.
  let row: Int
  /// Elements between neighbours of a row, one number a tensor.
  let rowStrides: [Int]

  /// - Parameters:
  ///   - dims: lengths of the box's axes.
  ///   - starts: offset of the first element, one a tensor.
  ///   - strides: elements between neighbours along each axis, one array a tensor.
  init(dims: [Int], starts: [Int], strides: [[Int]]) {
    precondition(starts.count == strides.count && strides.allSatisfy { $0.count == dims.count })
    var merged: [Int] = []
    var mergedStrides = strides.map { _ in [Int]() }
    for axis in dims.indices where dims[axis] != 1 {
      let even = strides.indices.allSatisfy { mergedStrides[$0].last == strides[$0][axis] * dims[axis] }
      if let last = merged.indices.last, even {
        merged[last] *= dims[axis]
        for tensor in strides.indices { mergedStrides[tensor][last] = strides[tensor][axis] }
      } else {
        merged.append(dims[axis])
        for tensor in strides.indices { mergedStrides[tensor].append(strides[tensor][axis]) }
      }
    }
    row = merged.popLast() ?? 1
    rowStrides = mergedStrides.indices.map { mergedStrides[$0].popLast() ?? 0 }
    outer = merged
    outerStrides = mergedStrides
    self.starts = starts
  }

  /// The elements of `shape` that broadcast from each of `operands`, then the elements themselves.
  init(broadcasting operands: [Shape], to shape: Shape) {
    self.init(
      dims: shape.dims, starts: Array(repeating: 0, count: operands.count + 1),
      strides: operands.map { $0.broadcastStrides(to: shape) } + [shape.strides])
  }

  /// Elements of the box.
  var count: Int { outer.reduce(row, *) }

  /// Calls `body` with the offset of each row's first element in every tensor, rows in row-major order.
  @inline(__always)
  func forEachRow(_ body: (_ offsets: UnsafePointer<Int>) -> Void) {
    if row == 0 || outer.contains(0) { return }
    // Plain memory: rows may be a few elements long.
    withUnsafeTemporaryAllocation(of: Int.self, capacity: starts.count + outer.count) { memory in
      memory.update(repeating: 0)
      let (offsets, index) = (memory.baseAddress!, memory.baseAddress! + starts.count)
      for tensor in starts.indices { offsets[tensor] = starts[tensor] }
      while true {
        body(UnsafePointer(offsets))
        var axis = outer.count - 1
        while axis >= 0 {
          index[axis] += 1
          let wraps = index[axis] == outer[axis]
          for tensor in starts.indices {
            let stride = outerStrides[tensor][axis]
            offsets[tensor] += wraps ? stride - stride * outer[axis] : stride
          }
          if !wraps { break }
          index[axis] = 0
          axis -= 1
        }
        if axis < 0 { return }
      }
    }
  }

  /// Calls `body` with stretches of rows: the entries of each operand side by side, in place or copied, and the offset of the
  /// first in the output, the last tensor.
  ///
  /// A loop over such entries vectorises, whatever the operands' strides are.
  @inline(__always)
  func forEachStretch(
    of operands: [UnsafePointer<Float>],
    _ body: (_ entries: UnsafePointer<UnsafePointer<Float>>, _ output: Int, _ count: Int) -> Void
  ) {
    let longest = min(row, 256)
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: operands.count) { entries in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: operands.count * longest + 1) { room in
        forEachRow { offsets in
          for first in stride(from: 0, to: row, by: longest) {
            let count = min(longest, row - first)
            for operand in operands.indices {
              let step = rowStrides[operand]
              let all = StridedEntries(base: operands[operand] + offsets[operand] + first * step, step: step)
              entries[operand] = all.sideBySide(count, room.baseAddress! + operand * longest)
            }
            body(UnsafePointer(entries.baseAddress!), offsets[operands.count] + first, count)
          }
        }
      }
    }
  }
}
