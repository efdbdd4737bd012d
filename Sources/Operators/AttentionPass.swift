internal import NetworkGraph
internal import Tensors

/// Finds multi-head attention as exporters write it (products, scale, mask, softmax, product, wrapped in reshapes and
/// transposes) and puts one ``Attention`` in its place, which reads its operands as rows of channels.
///
/// Runs on graphs of one sequence, before ``LayoutPass``. What does not fit stays as it was.
struct AttentionPass {
  var graph: Graph
  let producer: [Graph.ValueID: (node: Int, output: Int)]
  let readers: [Int]
  /// The nodes that take the place of the product being matched.
  var emitted: [Graph.Node] = []
  /// Computations on heads that were already brought to rows, by their node and the order of its axes.
  var recomputed: [HeadComputation: Graph.ValueID] = [:]

  struct HeadComputation: Hashable {
    let node: Int
    let axes: Axes
  }

  init(_ graph: Graph) {
    self.graph = graph
    producer = graph.producers
    readers = graph.readers
  }

  mutating func run() -> Graph {
    guard graph.batch == 1 else { return graph }
    var nodes: [Graph.Node] = []
    for index in graph.nodes.indices {
      let known = recomputed
      emitted = []
      if graph.nodes[index].op is MatMul, fuse(index) != nil {
        nodes += emitted
      } else {
        // What a match that failed half-way has computed is in no node.
        recomputed = known
        nodes.append(graph.nodes[index])
      }
    }
    graph.nodes = nodes
    return graph.straightened()
  }

  // MARK: The pattern

  /// Emits what takes the place of the product with the values; `nil` when it is not the end of an attention.
  private mutating func fuse(_ last: Int) -> Void? {
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

    guard
      let query = rows(operands[0], heads, queries, keySize, transposed: false),
      let key = rows(operands[1], heads, keys, keySize, transposed: !scores.transposesKeys),
      let value = rows(node.inputs[1], heads, keys, valueSize, transposed: false)
    else { return nil }
    var attention = Attention(
      heads: heads, queries: queries, keys: keys, keySize: keySize, valueSize: valueSize, query: query.operand,
      key: key.operand, value: value.operand, scale: scores.scale,
      bias: scores.bias.map { Self.raised($0, keys: keys) })
    var inputs = [query.value, key.value, value.value]
    if let found = scores.relative {
      guard let relative = relative(found, heads, queries, keys) else { return nil }
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
    return ()
  }

  /// The same shares from biases whose largest is 0 in every row: beside -1e4, which some exporters write for a mask, a score
  /// would lose its digits.
  private static func raised(_ bias: [Float], keys: Int) -> [Float] {
    stride(from: 0, to: bias.count, by: keys).flatMap { first -> [Float] in
      let row = bias[first..<first + keys]
      let largest = row.max()!
      return row.map { $0 - largest }
    }
  }

  /// The node that computes a value which nobody else reads, past reshapes that only add or drop unit axes.
  func computing(_ value: Graph.ValueID) -> Int? {
    guard readers[value] == 1, let index = producer[value]?.node else { return nil }
    let node = graph.nodes[index]
    guard node.op is Reshape else { return index }
    func long(_ shape: Shape) -> [Int] { shape.dims.filter { $0 != 1 } }
    return long(graph.values[value].shape) == long(graph.values[node.inputs[0]].shape)
      ? computing(node.inputs[0]) : nil
  }
}
