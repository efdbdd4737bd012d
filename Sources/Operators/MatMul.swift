public import NetworkGraph
public import Tensors

/// Matrix products of two tensors, either of which may depend on the sequence: `[..., n, k] x [..., k, m] -> [..., n, m]`.
///
/// Leading axes broadcast. A transposed operand is stored as `[..., k, n]` or `[..., m, k]`. Products with constant weights
/// on the last axis are ``Dense``.
public struct MatMul: NetworkOperator {
  public let transposeA: Bool
  public let transposeB: Bool

  public init(transposeA: Bool = false, transposeB: Bool = false) {
    self.transposeA = transposeA
    self.transposeB = transposeB
  }

  public var kind: String { "MatMul" }

  /// Lengths that a product of two shapes has.
  struct Sizes: Hashable, Sendable {
    let batch: Shape
    let n, k, m: Int
  }

  func sizes(_ a: Shape, _ b: Shape) throws(OperatorError) -> Sizes {
    guard a.rank >= 2, b.rank >= 2,
      let batch = Shape(Array(a.dims.dropLast(2))).broadcast(with: Shape(b.dims.dropLast(2)))
    else { throw OperatorError("shapes \(a) and \(b) have no matrix product") }
    let (n, k) = transposeA ? (a[a.rank - 1], a[a.rank - 2]) : (a[a.rank - 2], a[a.rank - 1])
    let (inner, m) = transposeB ? (b[b.rank - 1], b[b.rank - 2]) : (b[b.rank - 2], b[b.rank - 1])
    guard k == inner else { throw OperatorError("shapes \(a) and \(b) have no matrix product: \(k) is not \(inner)") }
    return Sizes(batch: batch, n: n, k: k, m: m)
  }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let sizes = try sizes(inputs[0], inputs[1])
    return [try Shape.checked(sizes.batch.dims + [sizes.n, sizes.m])]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: inputs.map(\.shape))[0]
    let sizes = try sizes(inputs[0].shape, inputs[1].shape)
    let (a, b) = (inputs[0].values, inputs[1].values)
    let kind: ConstantTensor.Kind = inputs.allSatisfy { $0.kind == .integer } ? .integer : .float
    var y: [Double] = []
    y.reserveCapacity(output.count)
    sizes.batch.forEachIndex { batch in
      let firstA = Shape(Array(inputs[0].shape.dims.dropLast(2))).offset(broadcastTo: batch) * sizes.n * sizes.k
      let firstB = Shape(Array(inputs[1].shape.dims.dropLast(2))).offset(broadcastTo: batch) * sizes.k * sizes.m
      for i in 0..<sizes.n {
        for j in 0..<sizes.m {
          var sum = 0.0
          for k in 0..<sizes.k {
            let left = a[firstA + (transposeA ? k * sizes.n + i : i * sizes.k + k)]
            sum += left * b[firstB + (transposeB ? j * sizes.k + k : k * sizes.m + j)]
          }
          y.append(sum)
        }
      }
    }
    return [ConstantTensor(shape: output, kind: kind, values: y)]
  }

  /// Positions survive along leading axes, along the rows of the left and the columns of the right operand.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard let output = try? outputShapes(for: shapes)[0] else { return [.everything] }
    let parts = inputs.indices.map { operand -> Dependence in
      guard case .window(var window) = inputs[operand] else { return inputs[operand] }
      let rank = shapes[operand].rank
      let summed = operand == 0 ? (transposeA ? rank - 2 : rank - 1) : (transposeB ? rank - 1 : rank - 2)
      if window.axis == summed { return .everything }
      if window.axis >= rank - 2 {
        window.axis = operand == 0 ? output.rank - 2 : output.rank - 1
        return .window(window)
      }
      let axis = window.axis + output.rank - rank
      guard shapes[operand][window.axis] == output[axis] else { return .everything }
      window.axis = axis
      return .window(window)
    }
    return [Dependence.union(parts)]
  }

  /// Leading axes move freely; exchanged matrix axes are read the other way round.
  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    let rank = permutation.count
    guard rank >= 2 else { return nil }
    let leading = Array(permutation[..<(rank - 2)])
    switch (permutation[rank - 2], permutation[rank - 1]) {
    case (rank - 2, rank - 1): return (self, [permutation])
    case (rank - 1, rank - 2):
      return (
        MatMul(transposeA: !transposeA, transposeB: !transposeB), [leading + [rank - 2, rank - 1]]
      )
    default: return nil
    }
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let (a, b) = (operands[0].shape, operands[1].shape)
    let sizes = try sizes(a, b)
    return CompiledMatMul(
      op: self, sizes: sizes,
      batches: StridedWalk(
        broadcasting: [Shape(Array(a.dims.dropLast(2))), Shape(Array(b.dims.dropLast(2)))], to: sizes.batch))
  }
}
