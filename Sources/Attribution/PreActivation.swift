public import NetworkGraph
internal import Tensors

extension Graph {
  /// Operators that only move elements: the walk back from an output to its final activation passes through them.
  private static let movers: Set<String> = [
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "Identity", "Split",
  ]

  /// The sigmoid or softmax that ends each output, if there is one; operators that only move elements may follow it.
  public var finalActivations: [FinalActivation?] {
    outputs.map { output in pathToActivation(from: output).flatMap { nodes[$0.last!.node].op.finalActivation } }
  }

  /// The same network with every output taken before its final activation: a sigmoid is left out, and a softmax gives
  /// `z_k - logsumexp of the others`, its log-odds.
  /// - Throws: ``AttributionError/noFinalActivation(outputs:)`` when no output has one.
  public func preActivation() throws(AttributionError) -> Graph {
    var result = self
    var found = false
    for (number, output) in outputs.enumerated() {
      guard let path = pathToActivation(from: output) else { continue }
      found = true
      result.outputs[number] = result.copyPath(path)
    }
    guard found else { throw .noFinalActivation(outputs: outputs.map { values[$0].name }) }
    return result.withoutUnusedNodes()
  }

  /// One step from an output back: a node and which of its outputs lies on the way.
  private typealias Step = (node: Int, value: ValueID)

  /// Steps from `output` back to its final activation, which is the last, or `nil` when there is none.
  private func pathToActivation(from output: ValueID) -> [Step]? {
    var writer: [ValueID: Int] = [:]
    for (index, node) in nodes.enumerated() { for value in node.outputs { writer[value] = index } }
    var (path, value) = ([Step](), output)
    while let index = writer[value] {
      path.append((index, value))
      let node = nodes[index]
      if node.op.finalActivation != nil { return path }
      guard Self.movers.contains(node.op.kind), let input = node.inputs.first else { return nil }
      value = input
    }
    return nil
  }

  /// Appends a copy of the path that starts before the activation; other readers of the path keep theirs.
  /// - Returns: the value at the end of the copy.
  private mutating func copyPath(_ path: [Step]) -> ValueID {
    let final = nodes[path.last!.node]
    var value = final.inputs[0]
    if case .softmax(let axis)? = final.op.finalActivation {
      let shape = values[value].shape
      values.append(Value(name: "\(final.name)/log-odds", shape: shape))
      let op = LogOdds(axis: shape.normalized(axis: axis) ?? axis)
      nodes.append(Node(name: "\(final.name)/log-odds", op: op, inputs: [value], outputs: [values.count - 1]))
      value = values.count - 1
    }
    for (step, previous) in zip(path.dropLast(), path.dropFirst()).reversed() {
      var node = nodes[step.node]
      node.inputs = node.inputs.map { $0 == previous.value ? value : $0 }
      node.outputs = node.outputs.map { old in
        values.append(Value(name: "\(values[old].name)/pre-activation", shape: values[old].shape))
        if old == step.value { value = values.count - 1 }
        return values.count - 1
      }
      nodes.append(node)
    }
    return value
  }
}
