internal import Kernels
public import NetworkGraph
internal import Tensors

extension Graph {
  /// An equal graph that runs faster: spelled activations, repeats and joined pieces made one, transposes and unit axes cancelled,
  /// scales folded into what comes before, unused nodes gone. Values change by roundings of the folded weights only.
  public func simplified() -> Graph {
    var activations = ActivationPass(gatheringRepeats().gatheringPieces())
    var attention = AttentionPass(activations.run())
    var layout = LayoutPass(attention.run())
    return layout.run().splittingBySlices().withoutSpreading().foldingScales().withoutUnusedNodes()
  }

  /// Functions of two tensors read what was spread over axes as it was before: they spread it themselves.
  private func withoutSpreading() -> Graph {
    var graph = self
    let producers = producers
    for (index, node) in nodes.enumerated() where node.op is Binary {
      for operand in node.inputs.indices {
        guard let producer = producers[node.inputs[operand]]?.node, nodes[producer].op is Expand else { continue }
        let inputs = graph.nodes[index].inputs
        let before = nodes[producer].inputs[0]
        guard values[before].shape.broadcast(with: values[inputs[1 - operand]].shape) == values[node.outputs[0]].shape
        else { continue }
        graph.nodes[index].inputs[operand] = before
      }
    }
    return graph
  }

  /// A slice for each part of a split: slices take differences along, and parts that nobody reads cost nothing.
  private func splittingBySlices() -> Graph {
    var graph = self
    graph.nodes = nodes.flatMap { node -> [Node] in
      guard let split = node.op as? Split else { return [node] }
      var start = 0
      return zip(split.lengths, node.outputs).enumerated().map { index, part in
        let cuts = values[node.inputs[0]].shape.dims.enumerated().map { axis, length in
          axis == split.axis ? Slice.Cut(start: start, count: part.0) : Slice.Cut(start: 0, count: length)
        }
        start += part.0
        return Node(name: "\(node.name).\(index)", op: Slice(cuts: cuts), inputs: node.inputs, outputs: [part.1])
      }
    }
    return graph
  }

  /// How many nodes and outputs read each value.
  var readers: [Int] {
    var count = [Int](repeating: 0, count: values.count)
    for node in nodes { for value in node.inputs { count[value] += 1 } }
    for value in outputs { count[value] += 1 }
    return count
  }

  /// Scales and shifts along the last axis go into the linear operator before them, in float64.
  func foldingScales() -> Graph {
    folding { node, producer, input in
      guard let found = scaleAndShift(node, of: input) else { return nil }
      return producer.op.followed(byScale: found.scale, shift: found.shift)
    }
  }

  /// With ReLU as part of the operator before it: one pass over memory less. The value before ReLU is then not kept, so
  /// difference propagation runs on the graph without this.
  public func fusingRelu() -> Graph {
    folding { node, producer, _ in
      (node.op as? Unary)?.function == .relu ? producer.op.followedByRelu() : nil
    }
  }

  /// Replaces a producer and its only reader by what `merge` makes of them, wherever it makes something.
  private func folding(
    _ merge: (_ node: Node, _ producer: Node, _ input: ValueID) -> (any NetworkOperator)?
  ) -> Graph {
    var graph = self
    var readers = readers
    var producer: [ValueID: Int] = [:]
    var kept: [Node] = []
    for node in nodes {
      let data = node.inputs.filter { values[$0].constant == nil }
      if data.count == 1, node.outputs.count == 1, let index = producer[data[0]], readers[data[0]] == 1,
        kept[index].outputs.count == 1, let merged = merge(node, kept[index], data[0])
      {
        kept[index].op = merged
        kept[index].outputs = node.outputs
        producer[node.outputs[0]] = index
        readers[data[0]] = 0
        continue
      }
      for output in node.outputs { producer[output] = kept.count }
      kept.append(node)
    }
    graph.nodes = kept
    return graph
  }

  /// What a node does to `input` as a scale and shift per entry of the last axis, if that is all it does.
  private func scaleAndShift(_ node: Node, of input: ValueID) -> (scale: [Double], shift: [Double])? {
    let shape = values[input].shape
    guard let channels = shape.dims.last, values[node.outputs[0]].shape == shape else { return nil }
    if let found = node.op.scaleAndShift {
      return found.axis == shape.rank - 1 ? (found.scale, found.shift) : nil
    }
    guard let binary = node.op as? Binary, let other = node.inputs.first(where: { $0 != input }),
      let constant = values[other].constant,
      constant.shape.count == 1 || (constant.shape.dims.last == channels && constant.shape.count == channels)
    else { return nil }
    let numbers = constant.values
    let values = (0..<channels).map { numbers[numbers.count == 1 ? 0 : $0] }
    let (ones, zeros) = (values.map { _ in 1.0 }, values.map { _ in 0.0 })
    switch (binary.function, node.inputs[0] == input) {
    case (.add, _): return (ones, values)
    case (.subtract, true): return (ones, values.map { -$0 })
    case (.subtract, false): return (ones.map { -$0 }, values)
    case (.multiply, _): return (values, zeros)
    case (.divide, true): return (values.map { 1 / $0 }, zeros)
    default: return nil
    }
  }
}
