internal import NetworkGraph
internal import Operators
internal import Tensors

/// What an import rule works with: the node, its inputs as values of the graph in the making, and ways to add to it.
struct NodeBuilder {
  let node: ONNXNode
  /// `nil` where an optional input is left out.
  let inputs: [Graph.ValueID?]
  private(set) var graph: GraphBuilder
  private var steps = 0

  /// Elements beyond which a tensor is not computed when the model is loaded.
  private static let largestConstant = 1 << 28
  /// Elements beyond which a tensor cannot be run.
  private static let largestValue = 1 << 32

  init(node: ONNXNode, inputs: [Graph.ValueID?], graph: GraphBuilder) {
    self.node = node
    self.inputs = inputs
    self.graph = graph
  }

  // MARK: Inputs

  func has(_ index: Int) -> Bool { inputs.indices.contains(index) && inputs[index] != nil }

  func input(_ index: Int) throws(OperatorError) -> Graph.ValueID {
    guard has(index), let value = inputs[index] else { throw OperatorError("input \(index) is missing") }
    return value
  }

  func shape(_ index: Int) throws(OperatorError) -> Shape { graph.shape(of: try input(index)) }

  /// An input that must be known now.
  func constant(_ index: Int, _ what: String) throws(OperatorError) -> ConstantTensor {
    guard let constant = graph.constant(of: try input(index)) else {
      throw OperatorError(
        "its \(what) depend\(what.hasSuffix("s") ? "" : "s") on the sequence; only constants are supported")
    }
    return constant
  }

  /// An optional input that must be known now.
  func optionalConstant(_ index: Int, _ what: String) throws(OperatorError) -> ConstantTensor? {
    has(index) ? try constant(index, what) : nil
  }

  /// Integers that older operator sets have as an attribute and newer ones as an input.
  func integers(attribute: String, input index: Int) throws(OperatorError) -> [Int]? {
    if let constant = try optionalConstant(index, attribute) { return constant.integers }
    return node.ints(attribute)
  }

  /// An axis attribute, counted from the front.
  func axis(_ name: String = "axis", default value: Int, rank: Int) throws(OperatorError) -> Int {
    try Self.normalized(node.int(name, default: value), rank: rank)
  }

  static func normalized(_ axis: Int, rank: Int) throws(OperatorError) -> Int {
    guard -rank <= axis, axis < rank else { throw OperatorError("axis \(axis) of a tensor with \(rank) axes") }
    return axis < 0 ? axis + rank : axis
  }

  static func normalized(_ axes: [Int], rank: Int) throws(OperatorError) -> [Int] {
    var result: [Int] = []
    for axis in axes { result.append(try normalized(axis, rank: rank)) }
    guard Set(result).count == result.count else { throw OperatorError("axes \(axes) name one twice") }
    return result
  }

  // MARK: Values

  func shape(of value: Graph.ValueID) -> Shape { graph.shape(of: value) }
  func known(_ value: Graph.ValueID) -> ConstantTensor? { graph.constant(of: value) }

  mutating func constant(_ tensor: ConstantTensor) -> Graph.ValueID {
    steps += 1
    return graph.constant(tensor, name: "\(node.name).constant\(steps)")
  }

  mutating func scalar(_ value: Double) -> Graph.ValueID { constant(ConstantTensor(scalar: value)) }

  /// Applies an operator as one of the node's inner steps.
  mutating func apply(_ op: any Operator, _ inputs: Graph.ValueID...) throws(OperatorError) -> Graph.ValueID {
    steps += 1
    return try checked(op, inputs, name: "\(node.name).\(steps)", outputs: [])[0]
  }

  /// Applies an operator whose results are the node's.
  mutating func emit(_ op: any Operator, _ inputs: Graph.ValueID...) throws(OperatorError) -> [Graph.ValueID] {
    try checked(op, inputs, name: node.name, outputs: node.outputs)
  }

  mutating func emit(all op: any Operator, _ inputs: [Graph.ValueID]) throws(OperatorError) -> [Graph.ValueID] {
    try checked(op, inputs, name: node.name, outputs: node.outputs)
  }

  private mutating func checked(
    _ op: any Operator, _ inputs: [Graph.ValueID], name: String, outputs: [String]
  ) throws(OperatorError) -> [Graph.ValueID] {
    let constant = inputs.allSatisfy { graph.constant(of: $0) != nil }
    // A range has no shape before it is evaluated; it checks itself.
    if !(op is NumberRange) {
      for shape in try op.outputShapes(for: inputs.map { graph.shape(of: $0) }) {
        let count = try Shape.checked(shape.dims).count
        guard count <= (constant ? Self.largestConstant : Self.largestValue) else {
          throw OperatorError("a result of shape \(shape) is too large")
        }
      }
    }
    return try graph.apply(op, to: inputs, name: name, outputNames: outputs)
  }

  /// The value under another shape; itself when it has that shape.
  mutating func reshape(_ value: Graph.ValueID, to dims: [Int]) throws(OperatorError) -> Graph.ValueID {
    let shape = try Shape.checked(dims)
    return self.shape(of: value) == shape ? value : try apply(Reshape(to: shape), value)
  }

  /// The value with its axes in another order; itself when that is the order it has.
  mutating func transpose(_ value: Graph.ValueID, _ permutation: [Int]) throws(OperatorError) -> Graph.ValueID {
    permutation == Array(permutation.indices)
      ? value : try apply(try Transpose(permutation: permutation), value)
  }
}
