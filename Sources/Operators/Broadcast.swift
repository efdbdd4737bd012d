internal import Tensors

/// How two operands are walked when they broadcast to one shape: offsets of both for every element of the result.
struct Broadcast: Sendable {
  private let outer: [Int]
  private let outerA: [Int]
  private let outerB: [Int]
  private let inner: Int
  private let innerA: Int
  private let innerB: Int

  /// - Precondition: both shapes broadcast to `target`.
  init(_ a: Shape, _ b: Shape, to target: Shape) {
    // Neighbouring axes that both operands walk evenly are merged, so that the inner loop is long.
    var dims: [Int] = []
    var strideA: [Int] = []
    var strideB: [Int] = []
    let (fullA, fullB) = (a.broadcastStrides(to: target), b.broadcastStrides(to: target))
    for axis in 0..<target.rank where target[axis] != 1 {
      if let last = dims.indices.last, strideA[last] == fullA[axis] * target[axis],
        strideB[last] == fullB[axis] * target[axis]
      {
        dims[last] *= target[axis]
        (strideA[last], strideB[last]) = (fullA[axis], fullB[axis])
      } else {
        dims.append(target[axis])
        strideA.append(fullA[axis])
        strideB.append(fullB[axis])
      }
    }
    inner = dims.popLast() ?? 1
    innerA = strideA.popLast() ?? 0
    innerB = strideB.popLast() ?? 0
    (outer, outerA, outerB) = (dims, strideA, strideB)
  }

  /// Calls `body` with the offsets in both operands and in the result, in row-major order of the result.
  @inline(__always)
  func forEachElement(_ body: (_ a: Int, _ b: Int, _ y: Int) -> Void) {
    var index = [Int](repeating: 0, count: outer.count)
    var (a, b, y) = (0, 0, 0)
    if inner == 0 || outer.contains(0) { return }
    while true {
      // Steps that the compiler knows, and sums that cannot trap, let it take whole vectors.
      switch (innerA, innerB) {
      case (1, 1): for i in 0..<inner { body(a &+ i, b &+ i, y &+ i) }
      case (1, 0): for i in 0..<inner { body(a &+ i, b, y &+ i) }
      case (0, 1): for i in 0..<inner { body(a, b &+ i, y &+ i) }
      default: for i in 0..<inner { body(a + i * innerA, b + i * innerB, y + i) }
      }
      y += inner
      var axis = outer.count - 1
      while axis >= 0 {
        index[axis] += 1
        a += outerA[axis]
        b += outerB[axis]
        if index[axis] < outer[axis] { break }
        a -= outerA[axis] * outer[axis]
        b -= outerB[axis] * outer[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
