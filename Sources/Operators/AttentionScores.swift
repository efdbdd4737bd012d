internal import NetworkGraph
internal import Tensors

// How a graph computes scores: from the product of queries and keys to the softmax.
extension AttentionPass {
  /// What stands between the product of queries and keys and the softmax.
  struct Scores {
    /// The node of the product.
    var product: Int
    /// The keys are stored by rows, and the product transposes them.
    var transposesKeys: Bool
    var scale = 1.0
    var bias: [Float]?
    var relative: (gather: Int, scale: Double)?
  }

  /// Whether the last two axes of a value are queries and keys: a reshape may have put unit axes anywhere.
  func isPlane(_ value: Graph.ValueID, _ queries: Int, _ keys: Int) -> Bool {
    graph.values[value].shape.dims.suffix(2) == [queries, keys]
  }

  func scores(_ value: Graph.ValueID, _ queries: Int, _ keys: Int) -> Scores? {
    guard let index = computing(value), isPlane(graph.nodes[index].outputs[0], queries, keys) else { return nil }
    let node = graph.nodes[index]
    if let product = node.op as? MatMul {
      let shape = graph.values[node.outputs[0]].shape
      guard !product.transposeA, shape.rank >= 2,
        node.inputs.allSatisfy({ graph.values[$0].constant == nil })
      else { return nil }
      return Scores(product: index, transposesKeys: product.transposeB)
    }
    let shape = graph.values[node.outputs[0]].shape
    let constants = node.inputs.filter { graph.values[$0].constant != nil }
    let data = node.inputs.filter { graph.values[$0].constant == nil }
    switch node.op {
    case let op as Binary where data.count == 1 && constants.count == 1:
      guard var found = scores(data[0], queries, keys) else { return nil }
      let constant = graph.values[constants[0]].constant!
      let first = node.inputs[0] == data[0]
      switch op.function {
      case .multiply where constant.shape.count == 1: scale(&found, by: constant.values[0])
      case .divide where constant.shape.count == 1 && first: scale(&found, by: 1 / constant.values[0])
      case .add: guard add(constant, sign: 1, to: &found, shape) else { return nil }
      case .subtract where first: guard add(constant, sign: -1, to: &found, shape) else { return nil }
      default: return nil
      }
      return found.scale > 0 && found.scale.isFinite ? found : nil
    case let op as Binary where op.function == .add && data.count == 2:
      for (own, other) in [(0, 1), (1, 0)] {
        guard let gather = computing(data[other]), graph.nodes[gather].op is GatherElements,
          var found = scores(data[own], queries, keys), found.relative == nil
        else { continue }
        found.relative = (gather, 1)
        return found
      }
      return nil
    case is Where where data.count == 1:
      guard let condition = graph.values[node.inputs[0]].constant, var found = scores(data[0], queries, keys) else {
        return nil
      }
      let keepsWhenTrue = node.inputs[1] == data[0]
      guard let fill = graph.values[node.inputs[keepsWhenTrue ? 2 : 1]].constant, fill.shape.count == 1,
        fill.values[0] <= Self.masking,
        let masked = plane(condition, shape)?.map({ ($0 != 0) != keepsWhenTrue })
      else { return nil }
      let old = found.bias ?? [Float](repeating: 0, count: masked.count)
      found.bias = zip(old, masked).map { $1 ? -.infinity : $0 }
      return everyQuerySees(found.bias!, shape) ? found : nil
    default: return nil
    }
  }

  /// Scores at or below this are masks: beside any other key their share of a softmax is zero.
  private static let masking = -1e8

  private func scale(_ scores: inout Scores, by factor: Double) {
    scores.scale *= factor
    scores.bias = scores.bias?.map { $0 == -.infinity ? $0 : Float(Double($0) * factor) }
    scores.relative?.scale *= factor
  }

  private func add(_ constant: ConstantTensor, sign: Double, to scores: inout Scores, _ shape: Shape) -> Bool {
    guard let values = plane(constant, shape) else { return false }
    let old = scores.bias ?? [Float](repeating: 0, count: values.count)
    scores.bias = zip(old, values).map { $1 * sign <= Self.masking ? -.infinity : $0 + Float($1 * sign) }
    return everyQuerySees(scores.bias!, shape)
  }

  /// A row of nothing but masks would be spread evenly by the softmax, which `Attention` does not do.
  private func everyQuerySees(_ bias: [Float], _ shape: Shape) -> Bool {
    let keys = shape[shape.rank - 1]
    return stride(from: 0, to: bias.count, by: keys).allSatisfy { first in
      bias[first..<first + keys].contains { $0 > -.infinity }
    }
  }

  /// The values of a constant for each query and key, when they are the same for every head.
  func plane(_ constant: ConstantTensor, _ shape: Shape) -> [Double]? {
    let (queries, keys) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let dims = constant.shape.dims
    let (rows, columns) = (dims.count > 1 ? dims[dims.count - 2] : 1, dims.last ?? 1)
    guard [1, queries].contains(rows), [1, keys].contains(columns) else { return nil }
    let values = constant.values
    let size = rows * columns
    guard values.count <= size || values.indices.allSatisfy({ values[$0] == values[$0 % size] }) else { return nil }
    return (0..<queries * keys).map { index in
      values[(rows == 1 ? 0 : index / keys) * columns + (columns == 1 ? 0 : index % keys)]
    }
  }

  mutating func relative(
    _ found: (gather: Int, scale: Double), _ heads: Int, _ queries: Int, _ keys: Int
  ) -> (relative: Attention.Relative, value: Graph.ValueID)? {
    let node = graph.nodes[found.gather]
    guard let gather = node.op as? GatherElements, let product = computing(node.inputs[0]),
      let matmul = graph.nodes[product].op as? MatMul, !matmul.transposeA, !matmul.transposeB,
      let constant = graph.values[graph.nodes[product].inputs[1]].constant
    else { return nil }
    let shape = graph.values[node.inputs[0]].shape
    // Indices of fewer heads would pick from the first of them alone.
    guard gather.axis == shape.rank - 1, gather.indices.shape.dims.dropLast() == shape.dims.dropLast(),
      let picked = plane(gather.indices, gather.indices.shape), picked.count == queries * keys
    else { return nil }
    let (size, count) = (constant.shape[constant.shape.rank - 2], shape[shape.rank - 1])
    guard shape.count == heads * queries * count,
      constant.shape.count == heads * size * count || constant.shape.count == size * count,
      let rows = rows(graph.nodes[product].inputs[0], heads, queries, size, transposed: false)
    else { return nil }
    let weights = constant.floats
    return (
      Attention.Relative(
        operand: rows.operand, size: size,
        weights: weights.count == heads * size * count ? weights : (0..<heads).flatMap { _ in weights }, count: count,
        index: picked.map { Int32($0 < 0 ? Int($0) + count : Int($0)) }, scale: found.scale), rows.value
    )
  }
}
