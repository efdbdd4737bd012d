public import Tensors

/// A network for one batch size and sequence length: nodes in the order they run, every shape known.
public struct Graph: Sendable {
  /// Index of a value in ``values``.
  public typealias ValueID = Int

  /// Something a node reads or writes.
  public struct Value: Sendable {
    /// The name in the model file, or one made from the node that writes it.
    public var name: String
    public var shape: Shape
    /// The value itself when it does not depend on the sequence.
    public var constant: ConstantTensor?

    public init(name: String, shape: Shape, constant: ConstantTensor? = nil) {
      self.name = name
      self.shape = shape
      self.constant = constant
    }
  }

  /// One application of an operator.
  public struct Node: Sendable {
    public var name: String
    public var op: any NetworkOperator
    public var inputs: [ValueID]
    public var outputs: [ValueID]

    public init(name: String, op: any NetworkOperator, inputs: [ValueID], outputs: [ValueID]) {
      self.name = name
      self.op = op
      self.inputs = inputs
      self.outputs = outputs
    }
  }

  public var values: [Value]
  public var nodes: [Node]
  /// The one-hot sequences, shape `[batch, length, 4]`, rows A C G T.
  public var input: ValueID
  /// The model's outputs in the order of the file.
  public var outputs: [ValueID]

  public init(values: [Value], nodes: [Node], input: ValueID, outputs: [ValueID]) {
    self.values = values
    self.nodes = nodes
    self.input = input
    self.outputs = outputs
  }

  /// Sequences a run.
  public var batch: Int { values[input].shape[0] }
  /// Bases a sequence.
  public var length: Int { values[input].shape[1] }

  /// Which positions each value reads; index is the value.
  public var dependences: [Dependence] {
    dependences(editWidth: 1).map { dependence in
      if case .window(let window) = dependence, !window.isBounded { return .everything }
      return dependence
    }
  }

  /// At which first positions an edit of `width` neighbouring positions reaches each value: the positions that it reads,
  /// and `width - 1` more before them. Windows may be unbounded upstream.
  public func dependences(editWidth width: Int) -> [Dependence] {
    var result = values.map { _ in Dependence.nothing }
    result[input] = .window(PositionWindow(axis: 1, step: 1, back: width - 1, ahead: 0))
    for node in nodes {
      let found = node.op.dependence(of: node.inputs.map { result[$0] }, shapes: node.inputs.map { values[$0].shape })
      for (value, dependence) in zip(node.outputs, found) { result[value] = dependence }
    }
    return result
  }

  /// The first node that treats positions differently by where they are in the sequence: it mixes in constants that run
  /// along the position axis, such as learned position embeddings. `nil` when the graph does the same at every position.
  public var positionDependentNode: Node? {
    let dependences = dependences
    return nodes.first { node in
      let axes = node.inputs.compactMap { value -> Int? in
        guard case .window(let window) = dependences[value] else { return nil }
        // Counted from the last axis, as broadcasting aligns shapes.
        return values[value].shape.rank - window.axis
      }
      guard let fromEnd = axes.first else { return false }
      if let scale = node.op.scaleAndShift,
        values[node.inputs[0]].shape.rank - scale.axis == fromEnd,
        Set(scale.scale).count > 1 || Set(scale.shift).count > 1
      {
        return true
      }
      return node.inputs.contains { value in
        guard let constant = values[value].constant, constant.shape.rank >= fromEnd else { return false }
        return constant.shape[constant.shape.rank - fromEnd] > 1
      }
    }
  }

  /// For each value the first node before it that repeats, reflects, spreads or joins entries along the position axis, so that moving
  /// the sequence does not just move the value; `nil` for values behind no such node.
  public var patterns: [Node?] {
    let dependences = dependences
    var result = [Node?](repeating: nil, count: values.count)
    for node in nodes {
      let isPattern = !node.op.treatsPositionsAlike(
        node.inputs.map { dependences[$0] }, shapes: node.inputs.map { values[$0].shape })
      let before = node.inputs.lazy.compactMap { result[$0] }.first
      for output in node.outputs { result[output] = before ?? (isPattern ? node : nil) }
    }
    return result
  }

  /// Without nodes whose results nobody reads.
  public func withoutUnusedNodes() -> Graph {
    var graph = self
    var used = Set(outputs)
    graph.nodes = nodes.reversed().filter { node in
      guard node.outputs.contains(where: used.contains) else { return false }
      used.formUnion(node.inputs)
      return true
    }.reversed()
    return graph
  }

  /// Runs every node the plain way in float64: the oracle. Returns every value's elements (empty for unused ones).
  /// - Parameter input: one-hot sequences (or any numbers), shape `[batch, length, 4]`.
  public func evaluate(_ input: ConstantTensor) throws(OperatorError) -> [ConstantTensor] {
    var known = values.map { $0.constant }
    known[self.input] = input
    for node in nodes {
      let results = try node.op.evaluate(node.inputs.map { known[$0]! })
      for (value, result) in zip(node.outputs, results) { known[value] = result }
    }
    return outputs.map { known[$0]! }
  }
}
