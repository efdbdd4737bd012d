public import NetworkGraph
internal import Tensors

extension Graph {
  /// The final sigmoid or softmax that an output passes through, and the value before it under the output's own layout.
  ///
  /// Transposes and reshapes after the activation are applied to the value before it instead. A softmax axis is that of
  /// the returned output; `nil` when there is no final activation.
  public func preActivation(ofOutput index: Int) -> (graph: Graph, activation: FinalActivation)? {
    var graph = self
    var rearrangements: [Node] = []
    var value = outputs[index]
    while let node = nodes.first(where: { $0.outputs.contains(value) }) {
      if let activation = node.op.finalActivation {
        var result = node.inputs[0]
        var final = activation
        for rearrangement in rearrangements.reversed() {
          if case .softmax(let axis) = final {
            guard let transpose = rearrangement.op as? Transpose else { return nil }
            final = .softmax(axis: transpose.permutation.firstIndex(of: axis)!)
          }
          graph.values.append(graph.values[rearrangement.outputs[0]])
          graph.nodes.append(
            Node(
              name: rearrangement.name + ".logits", op: rearrangement.op, inputs: [result],
              outputs: [graph.values.count - 1]))
          result = graph.values.count - 1
        }
        graph.outputs[index] = result
        // Every pass over the graph reads one output's name: the logits keep it.
        if rearrangements.isEmpty { graph.values[result].name = values[outputs[index]].name }
        return (graph.withoutUnusedNodes(), final)
      }
      guard node.op is Transpose || node.op is Reshape else { return nil }
      rearrangements.append(node)
      value = node.inputs[0]
    }
    return nil
  }
}
