public import Tensors

/// Builds a ``Graph`` node by node, inferring shapes and folding whatever depends on constants alone.
public struct GraphBuilder {
  private var values: [Graph.Value] = []
  private var nodes: [Graph.Node] = []
  private let input: Graph.ValueID

  /// Starts a graph whose input is `batch` one-hot sequences of `length` bases, shape `[batch, length, 4]`.
  public init(batch: Int, length: Int, inputName: String = "sequence") {
    values.append(Graph.Value(name: inputName, shape: [batch, length, 4]))
    input = 0
  }

  /// The one-hot sequences, shape `[batch, length, 4]`.
  public var sequence: Graph.ValueID { input }

  /// A value that is known now.
  public mutating func constant(_ tensor: ConstantTensor, name: String) -> Graph.ValueID {
    values.append(Graph.Value(name: name, shape: tensor.shape, constant: tensor))
    return values.count - 1
  }

  public func shape(of value: Graph.ValueID) -> Shape { values[value].shape }

  /// The value itself when it is already known.
  public func constant(of value: Graph.ValueID) -> ConstantTensor? { values[value].constant }

  /// Applies an operator. With every input known the result is folded and no node is made.
  /// - Returns: the values of the outputs, in order.
  public mutating func apply(
    _ op: any Operator, to inputs: [Graph.ValueID], name: String, outputNames: [String] = []
  ) throws(OperatorError) -> [Graph.ValueID] {
    func outputName(_ index: Int) -> String {
      outputNames.indices.contains(index) ? outputNames[index] : index == 0 ? name : "\(name).\(index)"
    }
    let constants = inputs.compactMap { values[$0].constant }
    if constants.count == inputs.count {
      let results = try op.evaluate(constants)
      return results.indices.map { constant(results[$0], name: outputName($0)) }
    }
    guard let op = op as? any NetworkOperator else {
      throw OperatorError(
        "\(op.kind) depends on the sequence here; it is supported only on values that are known when the model is loaded"
      )
    }
    let shapes = try op.outputShapes(for: inputs.map { values[$0].shape })
    let first = values.count
    for (index, shape) in shapes.enumerated() { values.append(Graph.Value(name: outputName(index), shape: shape)) }
    let outputs = Array(first..<values.count)
    nodes.append(Graph.Node(name: name, op: op, inputs: inputs, outputs: outputs))
    return outputs
  }

  /// Applies an operator with one output.
  public mutating func apply(
    _ op: any Operator, to inputs: Graph.ValueID..., name: String, outputName: String? = nil
  ) throws(OperatorError) -> Graph.ValueID {
    try apply(op, to: inputs, name: name, outputNames: outputName.map { [$0] } ?? [])[0]
  }

  /// The finished graph. An output may be a constant, or the sequence itself.
  public consuming func graph(outputs: [Graph.ValueID]) -> Graph {
    Graph(values: values, nodes: nodes, input: input, outputs: outputs)
  }
}
