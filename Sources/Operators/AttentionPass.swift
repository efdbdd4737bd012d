internal import NetworkGraph
internal import Tensors

/// Finds multi-head attention as exporters write it (products, scale, mask, softmax, product, wrapped in reshapes and
/// transposes) and puts one ``Attention`` in its place, which reads its operands as rows of channels.
///
/// Runs on graphs of one sequence, before ``LayoutPass``. What does not fit stays as it was.
struct AttentionPass {
  private var graph: Graph
  private let producer: [Graph.ValueID: (node: Int, output: Int)]
  private let readers: [Int]
  /// Computations on heads that were already brought to rows, by their node and the order of its axes.
  private var recomputed: [HeadComputation: Graph.ValueID] = [:]

  private struct HeadComputation: Hashable {
    let node: Int
    let axes: Axes
  }

  init(_ graph: Graph) {
    self.graph = graph
    var readers = [Int](repeating: 0, count: graph.values.count)
    for node in graph.nodes { for value in node.inputs { readers[value] += 1 } }
    for value in graph.outputs { readers[value] += 1 }
    producer = graph.producers
    self.readers = readers
  }

  mutating func run() -> Graph {
    guard graph.batch == 1 else { return graph }
    var nodes: [Graph.Node] = []
    for index in graph.nodes.indices {
      let node = graph.nodes[index]
      let known = recomputed
      if node.op is MatMul, let fused = fused(index) {
        nodes += fused
      } else {
        // What a match that failed half-way has computed is in no node.
        recomputed = known
        nodes.append(node)
      }
    }
    graph.nodes = nodes
    return graph.straightened()
  }

  // MARK: The pattern

  /// The nodes that take the place of the product with the values, or `nil` when it is not the end of an attention.
  private mutating func fused(_ last: Int) -> [Graph.Node]? {
    let node = graph.nodes[last]
    guard let product = node.op as? MatMul, !product.transposeA, !product.transposeB,
      let weights = computing(node.inputs[0]), let softmax = graph.nodes[weights].op as? Softmax, !softmax.logarithm,
      softmax.axis == graph.values[graph.nodes[weights].outputs[0]].shape.rank - 1
    else { return nil }
    let output = graph.values[node.outputs[0]].shape
    let share = graph.values[node.inputs[0]].shape
    let (queries, keys) = (share[share.rank - 2], share[share.rank - 1])
    guard isPlane(graph.nodes[weights].outputs[0], queries, keys),
      let scores = scores(graph.nodes[weights].inputs[0], queries, keys)
    else { return nil }
    let score = graph.values[graph.nodes[scores.product].outputs[0]].shape
    let heads = score.count / max(1, queries * keys)
    let valueSize = output[output.rank - 1]
    let left = graph.values[graph.nodes[scores.product].inputs[0]].shape
    let keySize = left[left.rank - 1]
    guard queries > 1, keys > 1, heads > 0, output.count == heads * queries * valueSize else { return nil }
    let operands = graph.nodes[scores.product].inputs

    var emitted: [Graph.Node] = []
    guard
      let query = rows(operands[0], heads, queries, keySize, transposed: false, &emitted),
      let key = rows(operands[1], heads, keys, keySize, transposed: !scores.transposesKeys, &emitted),
      let value = rows(node.inputs[1], heads, keys, valueSize, transposed: false, &emitted)
    else { return nil }
    var attention = Attention(
      heads: heads, queries: queries, keys: keys, keySize: keySize, valueSize: valueSize, query: query.operand,
      key: key.operand, value: value.operand, scale: scores.scale, bias: scores.bias)
    var inputs = [query.value, key.value, value.value]
    if let found = scores.relative {
      guard let relative = relative(found, heads, queries, keys, &emitted) else { return nil }
      attention.relative = relative.relative
      inputs.append(relative.value)
    }
    let name = graph.values[node.outputs[0]].name
    let result = new(name + ".rows", [1, queries, heads * valueSize])
    emitted.append(Graph.Node(name: node.name, op: attention, inputs: inputs, outputs: [result]))
    let split = new(name + ".heads", [1, queries, heads, valueSize])
    emitted.append(
      Graph.Node(
        name: node.name + ".split", op: Reshape(to: graph.values[split].shape), inputs: [result], outputs: [split]))
    let moved = new(name + ".moved", [1, heads, queries, valueSize])
    guard let transpose = try? Transpose(permutation: [0, 2, 1, 3]) else { return nil }
    emitted.append(Graph.Node(name: node.name + ".moved", op: transpose, inputs: [split], outputs: [moved]))
    emitted.append(
      Graph.Node(name: node.name + ".shaped", op: Reshape(to: output), inputs: [moved], outputs: node.outputs))
    return emitted
  }

  /// The node that computes a value which nobody else reads, past reshapes that only add or drop unit axes.
  private func computing(_ value: Graph.ValueID) -> Int? {
    guard readers[value] == 1, let index = producer[value]?.node else { return nil }
    let node = graph.nodes[index]
    guard node.op is Reshape else { return index }
    func long(_ shape: Shape) -> [Int] { shape.dims.filter { $0 != 1 } }
    return long(graph.values[value].shape) == long(graph.values[node.inputs[0]].shape)
      ? computing(node.inputs[0]) : nil
  }

  /// What stands between the product of queries and keys and the softmax.
  private struct Scores {
    /// The node of the product.
    var product: Int
    /// The keys are stored by rows, and the product transposes them.
    var transposesKeys: Bool
    var scale = 1.0
    var bias: [Float]?
    var relative: (gather: Int, scale: Double)?
  }

  /// Whether the last two axes of a value are queries and keys: a reshape may have put unit axes anywhere.
  private func isPlane(_ value: Graph.ValueID, _ queries: Int, _ keys: Int) -> Bool {
    graph.values[value].shape.dims.suffix(2) == [queries, keys]
  }

  private func scores(_ value: Graph.ValueID, _ queries: Int, _ keys: Int) -> Scores? {
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
  private func plane(_ constant: ConstantTensor, _ shape: Shape) -> [Double]? {
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

  private mutating func relative(
    _ found: (gather: Int, scale: Double), _ heads: Int, _ queries: Int, _ keys: Int, _ emitted: inout [Graph.Node]
  ) -> (relative: Attention.Relative, value: Graph.ValueID)? {
    let node = graph.nodes[found.gather]
    guard let gather = node.op as? GatherElements, let product = computing(node.inputs[0]),
      let matmul = graph.nodes[product].op as? MatMul, !matmul.transposeA, !matmul.transposeB,
      let constant = graph.values[graph.nodes[product].inputs[1]].constant
    else { return nil }
    let shape = graph.values[node.inputs[0]].shape
    guard gather.axis == shape.rank - 1, let picked = plane(gather.indices, gather.indices.shape),
      picked.count == queries * keys
    else { return nil }
    let (size, count) = (constant.shape[constant.shape.rank - 2], shape[shape.rank - 1])
    guard shape.count == heads * queries * count,
      constant.shape.count == heads * size * count || constant.shape.count == size * count,
      let rows = rows(graph.nodes[product].inputs[0], heads, queries, size, transposed: false, &emitted)
    else { return nil }
    let weights = constant.floats
    return (
      Attention.Relative(
        operand: rows.operand, size: size,
        weights: weights.count == heads * size * count ? weights : (0..<heads).flatMap { _ in weights }, count: count,
        index: picked.map { Int32($0 < 0 ? Int($0) + count : Int($0)) }, scale: found.scale), rows.value
    )
  }

  // MARK: Operands as rows of channels

  private mutating func new(_ name: String, _ shape: Shape) -> Graph.ValueID {
    graph.values.append(Graph.Value(name: name, shape: shape))
    return graph.values.count - 1
  }

  /// The operand `[..., rows, size]` (or `[..., size, rows]`) of a product as part of a value of shape `[1, rows, channels]`.
  private mutating func rows(
    _ value: Graph.ValueID, _ heads: Int, _ count: Int, _ size: Int, transposed: Bool, _ emitted: inout [Graph.Node]
  ) -> (value: Graph.ValueID, operand: Attention.HeadRows)? {
    let rank = graph.values[value].shape.rank
    let leading = graph.values[value].shape.dims.dropLast(2).indices.filter { graph.values[value].shape[$0] != 1 }
    guard graph.values[value].shape.count == heads * count * size, leading.count == (heads == 1 ? 0 : 1)
    else { return nil }
    return rows(
      value, Axes(head: leading.first, row: transposed ? rank - 1 : rank - 2, entry: transposed ? rank - 2 : rank - 1),
      &emitted)
  }

  /// Which axes of a value are heads, rows and the entries of a head's row; all others have length 1.
  private struct Axes: Hashable {
    var head: Int?
    var row: Int
    var entry: Int
  }

  private mutating func rows(_ value: Graph.ValueID, _ axes: Axes, _ emitted: inout [Graph.Node])
    -> (value: Graph.ValueID, operand: Attention.HeadRows)?
  {
    let origin = graph.origin(value, producer)
    let source = graph.values[origin.source].shape
    let (count, size) = (origin.dims[axes.row], origin.dims[axes.entry])
    let heads = axes.head.map { origin.dims[$0] } ?? 1
    let stride = axes.head.map { origin.strides[$0] } ?? 0
    let (rowStride, entryStride) = (origin.strides[axes.row], origin.strides[axes.entry])
    if entryStride == 1 || size == 1, source.count == count * rowStride,
      origin.offset + (heads - 1) * stride + size <= rowStride, stride >= 0
    {
      var result = origin.source
      if source != [1, count, rowStride] {
        result = new(graph.values[origin.source].name + ".rows", [1, count, rowStride])
        emitted.append(
          Graph.Node(
            name: graph.values[result].name, op: Reshape(to: [1, count, rowStride]), inputs: [origin.source],
            outputs: [result]))
      }
      return (result, Attention.HeadRows(channels: rowStride, offset: origin.offset, stride: stride))
    }
    // Computed head by head: the same computation on rows that hold all heads.
    guard source.count == heads * count * size, origin.offset == 0, let index = producer[origin.source]?.node else {
      return nil
    }
    let strides = source.strides
    func axis(_ stride: Int, _ length: Int) -> Int? {
      source.dims.indices.first { source[$0] == length && (length == 1 || strides[$0] == stride) }
    }
    guard let row = axis(rowStride, count), let entry = axis(entryStride, size) else { return nil }
    let head = axes.head.flatMap { axis(stride, origin.dims[$0]) }
    guard heads == 1 || head != nil, Set([row, entry, head ?? -1]).count == 3 else { return nil }
    return recomputed(index, Axes(head: head, row: row, entry: entry), heads, count, size, &emitted)
  }

  private mutating func recomputed(
    _ index: Int, _ axes: Axes, _ heads: Int, _ count: Int, _ size: Int, _ emitted: inout [Graph.Node]
  ) -> (value: Graph.ValueID, operand: Attention.HeadRows)? {
    let node = graph.nodes[index]
    guard node.outputs.count == 1 else { return nil }
    let operand = Attention.HeadRows(channels: heads * size, offset: 0, stride: size)
    let computation = HeadComputation(node: index, axes: axes)
    if let known = recomputed[computation] { return (known, operand) }
    let shape = graph.values[node.outputs[0]].shape
    let data = node.inputs.filter { graph.values[$0].constant == nil }
    guard data.count == 1 else { return nil }
    var inputs: [Graph.ValueID]
    let op: any NetworkOperator
    if let binary = node.op as? Binary, graph.values[data[0]].shape == shape,
      let input = contiguous(data[0], axes, heads, count, size, &emitted)
    {
      let position = node.inputs.firstIndex(of: data[0])!
      let constant = graph.values[node.inputs[1 - position]].constant!
      let moved = new("constant", [])
      graph.values[moved].constant = rowConstant(constant, shape, axes, heads, count, size)
      graph.values[moved].shape = graph.values[moved].constant!.shape
      inputs = position == 0 ? [input, moved] : [moved, input]
      op = binary
    } else if node.op.isElementwise, let input = contiguous(data[0], axes, heads, count, size, &emitted) {
      inputs = [input]
      op = node.op
    } else if let convolution = node.op as? Convolution, axes.head == 0 || axes.head == nil, axes.row == 1,
      axes.entry == 2, heads > 1
    {
      let from = graph.values[data[0]].shape
      guard let input = contiguous(data[0], axes, heads, from[1], from[2], &emitted),
        let all = convolution.forEachHead(heads)
      else { return nil }
      inputs = [input]
      op = all
    } else {
      return nil
    }
    let result = new(graph.values[node.outputs[0]].name + ".rows", [1, count, heads * size])
    emitted.append(Graph.Node(name: node.name, op: op, inputs: inputs, outputs: [result]))
    recomputed[computation] = result
    return (result, operand)
  }

  /// The rows of a value with nothing between and beside its heads.
  private mutating func contiguous(
    _ value: Graph.ValueID, _ axes: Axes, _ heads: Int, _ count: Int, _ size: Int, _ emitted: inout [Graph.Node]
  ) -> Graph.ValueID? {
    guard let (source, operand) = rows(value, axes, &emitted), heads == 1 || operand.stride == size else { return nil }
    let channels = heads * size
    if operand.channels == channels { return source }
    let result = new(graph.values[value].name + ".rows", [1, count, channels])
    let cuts = [1, count, channels].map { Slice.Cut(start: 0, count: $0) }
    var shifted = cuts
    shifted[2].start = operand.offset
    emitted.append(
      Graph.Node(name: graph.values[result].name, op: Slice(cuts: shifted), inputs: [source], outputs: [result]))
    return result
  }

  /// A constant operand in the order of the rows: one number a channel, or one an element where it runs along the rows.
  private func rowConstant(
    _ constant: ConstantTensor, _ shape: Shape, _ axes: Axes, _ heads: Int, _ count: Int, _ size: Int
  ) -> ConstantTensor {
    let fromEnd = shape.rank - axes.row
    let varies = constant.shape.rank >= fromEnd && constant.shape[constant.shape.rank - fromEnd] > 1
    let values = constant.values
    var moved: [Double] = []
    for row in 0..<(varies ? count : 1) {
      for head in 0..<heads {
        for entry in 0..<size {
          var index = [Int](repeating: 0, count: shape.rank)
          index[axes.row] = row
          index[axes.entry] = entry
          if let axis = axes.head { index[axis] = head }
          moved.append(values[constant.shape.offset(broadcastTo: index)])
        }
      }
    }
    return ConstantTensor(shape: varies ? [1, count, heads * size] : [heads * size], values: moved)
  }
}

extension Convolution {
  /// The same convolution for each of several heads that lie side by side in the channels.
  fileprivate func forEachHead(_ heads: Int) -> Convolution? {
    let all = ConstantTensor(
      shape: [heads * weight.shape[0], weight.shape[1], weight.shape[2]],
      floats: (0..<heads).flatMap { _ in weight.floats })
    let biases = bias.map { bias in
      ConstantTensor(shape: [heads * weight.shape[0]], floats: (0..<heads).flatMap { _ in bias.floats })
    }
    return try? Convolution(
      weight: all, bias: biases, stride: stride, dilation: dilation, groups: groups * heads,
      padding: (before, after), relu: relu)
  }
}
