internal import NetworkGraph
internal import Operators
internal import Tensors

/// Walks the nodes of a model once, for one batch size and length, and gathers everything that it cannot take.
struct GraphImporter {
  /// What the names of one graph or function body stand for.
  private struct Scope {
    var values: [String: Graph.ValueID] = [:]
    /// Results of nodes that were refused, and of everything that reads them.
    var unknown: Set<String> = []
    var opsets: [String: Int]
  }

  private let source: ModelSource
  private let batch: Int
  private let length: Int
  private var builder: GraphBuilder
  private var scope: Scope
  private var refused: [UnsupportedNode] = []
  /// Names that the outputs depend on.
  let needed: Set<String>

  /// Functions that call each other deeper than this are taken for a loop.
  private static let deepestCall = 32
  /// Nodes, counted with every call of a function, beyond which a file is taken for a mistake.
  private static let mostNodes = 1 << 16
  private var visited = 0

  init(source: ModelSource, batch: Int, length: Int) {
    self.source = source
    self.batch = batch
    self.length = length
    builder = GraphBuilder(batch: batch, length: length)
    scope = Scope(opsets: source.opsets)
    needed = Self.needed(for: source.outputs.map(\.name), nodes: source.nodes)
  }

  /// Every needed node whose operator has no rule.
  static func unknownNodes(in source: ModelSource) -> [UnsupportedNode] {
    let needed = needed(for: source.outputs.map(\.name), nodes: source.nodes)
    return source.nodes.filter { $0.output.contains(where: needed.contains) }.compactMap { proto in
      let node = ONNXNode(proto, opsets: source.opsets)
      guard source.functions[ModelSource.functionKey(proto.domain, proto.opType)] == nil, node.op != "If",
        ImportRules.rule(for: node.op, domain: node.domain) == nil
      else { return nil }
      return unsupported(node, ImportRules.refusal(of: node.op, domain: node.domain))
    }
  }

  private static func unsupported(_ node: ONNXNode, _ reason: String) -> UnsupportedNode {
    UnsupportedNode(name: node.name, op: node.op, domain: node.domain, opset: node.opset, reason: reason)
  }

  /// Every name that `outputs` depend on, bodies of control flow included.
  private static func needed(for outputs: [String], nodes: [Onnx_NodeProto]) -> Set<String> {
    var needed = Set(outputs)
    for node in nodes.reversed() where node.output.contains(where: needed.contains) {
      needed.formUnion(node.input)
      for attribute in node.attribute where attribute.hasG { needed.formUnion(namesRead(in: attribute.g)) }
    }
    return needed
  }

  /// Every name that a branch may take from outside, branches within it included.
  private static func namesRead(in branch: Onnx_GraphProto) -> Set<String> {
    var names = Set(branch.output.map(\.name))
    for node in branch.node {
      names.formUnion(node.input)
      for attribute in node.attribute where attribute.hasG { names.formUnion(namesRead(in: attribute.g)) }
    }
    return names
  }

  // MARK: Inputs

  /// Brings the graph's `[batch, length, 4]` into the axes that the model's input has.
  mutating func bindSequence(_ sequence: SequenceInput) throws(ModelError) {
    var dims = [Int](repeating: 1, count: sequence.port.dimensions.count)
    dims[0] = batch
    dims[sequence.channelAxis] = 4
    dims[sequence.lengthAxis] = length
    do {
      var value = builder.sequence
      if sequence.layout == .channelsFirst {
        value = try builder.apply(
          try Transpose(permutation: [0, 2, 1]), to: value, name: "\(sequence.port.name).channelsFirst")
      }
      if builder.shape(of: value).dims != dims {
        value = try builder.apply(Reshape(to: Shape(dims)), to: value, name: "\(sequence.port.name).axes")
      }
      scope.values[sequence.port.name] = value
    } catch {
      throw .invalid(path: source.path, reason: error.description)
    }
  }

  /// Binds another input to a constant, repeated over the batch where it has one.
  mutating func bind(_ port: ModelPort, to value: ConstantTensor, sequence: SequenceInput) throws(ModelError) {
    let mismatch = ModelError.inputShape(path: source.path, input: port, given: value.shape.dims)
    // Axes that carry the sequence's own symbols have its lengths; other symbols take the value's.
    func known(_ dimension: Dimension) -> Int? {
      if case .symbolic(let name) = dimension, !name.isEmpty {
        if dimension == sequence.port.dimensions[0] { return batch }
        if dimension == sequence.port.dimensions[sequence.lengthAxis] { return length }
      }
      return dimension.length
    }
    var expected = port.dimensions.map(known)
    if let first = port.dimensions.first, first.length == nil { expected[0] = batch }
    guard value.shape.rank == expected.count || value.shape.rank == expected.count - 1 else { throw mismatch }
    let given = Array(repeating: 1, count: expected.count - value.shape.rank) + value.shape.dims
    let target = expected.indices.map { expected[$0] ?? given[$0] }
    for (axis, length) in given.enumerated() where length != target[axis] {
      guard axis == 0, length == 1 else { throw mismatch }
    }
    do {
      let shape = try Shape.checked(target)
      let whole = value.reshaped(Shape(given))
      let bound = whole.shape == shape ? whole : try Expand(to: shape).evaluate([whole])[0]
      scope.values[port.name] = builder.constant(bound, name: port.name)
    } catch {
      throw mismatch
    }
  }

  // MARK: Nodes

  mutating func run() throws(ModelError) -> Graph {
    try importNodes(source.nodes.filter { $0.output.contains(where: needed.contains) }, depth: 0)
    if !refused.isEmpty { throw .unsupported(path: source.path, nodes: refused) }
    var outputs: [Graph.ValueID] = []
    for port in source.outputs {
      guard let value = value(named: port.name) else {
        throw .invalid(path: source.path, reason: "no node writes the output '\(port.name)'")
      }
      outputs.append(value)
    }
    return builder.graph(outputs: outputs)
  }

  private mutating func value(named name: String) -> Graph.ValueID? {
    if let known = scope.values[name] { return known }
    guard let tensor = source.initializers[name] else { return nil }
    let value = builder.constant(tensor, name: name)
    scope.values[name] = value
    return value
  }

  private mutating func importNodes(_ nodes: [Onnx_NodeProto], depth: Int) throws(ModelError) {
    for proto in nodes {
      visited += 1
      guard visited <= Self.mostNodes else {
        throw .invalid(path: source.path, reason: "its functions call each other more than \(Self.mostNodes) times")
      }
      let node = ONNXNode(proto, opsets: scope.opsets)
      if proto.input.contains(where: scope.unknown.contains) {
        // What is wrong before it has been said; whether its operator is known can still be told.
        scope.unknown.formUnion(proto.output)
        if let refusal = refusalByName(proto, node) { refused.append(Self.unsupported(node, refusal)) }
        continue
      }
      var inputs: [Graph.ValueID?] = []
      for name in proto.input {
        let found = name.isEmpty ? nil : value(named: name)
        guard name.isEmpty || found != nil else {
          throw .invalid(
            path: source.path, reason: "node '\(node.name)' reads '\(name)', which nothing before it writes")
        }
        inputs.append(found)
      }
      do {
        let outputs = try importNode(proto, node, inputs: inputs, depth: depth)
        for (name, value) in zip(proto.output, outputs) where !name.isEmpty { scope.values[name] = value }
        for name in proto.output.dropFirst(outputs.count) where !name.isEmpty { scope.unknown.insert(name) }
      } catch let error as OperatorError {
        refused.append(Self.unsupported(node, error.description))
        scope.unknown.formUnion(proto.output)
      } catch let error as ModelError {
        throw error
      } catch {
        preconditionFailure("an import step threw \(error)")
      }
    }
  }

  private func refusalByName(_ proto: Onnx_NodeProto, _ node: ONNXNode) -> String? {
    guard source.functions[ModelSource.functionKey(proto.domain, proto.opType)] == nil else { return nil }
    return ImportRules.rule(for: node.op, domain: node.domain) == nil
      ? ImportRules.refusal(of: node.op, domain: node.domain) : nil
  }

  private mutating func importNode(
    _ proto: Onnx_NodeProto, _ node: ONNXNode, inputs: [Graph.ValueID?], depth: Int
  ) throws -> [Graph.ValueID] {
    if let function = source.functions[ModelSource.functionKey(proto.domain, proto.opType)] {
      return try importFunction(function, call: proto, inputs: inputs, depth: depth)
    }
    if node.op == "If", node.domain.isEmpty { return try importBranch(node, inputs: inputs, depth: depth) }
    guard let rule = ImportRules.rule(for: node.op, domain: node.domain) else {
      throw OperatorError(ImportRules.refusal(of: node.op, domain: node.domain))
    }
    var build = NodeBuilder(node: node, inputs: inputs, graph: builder)
    // With a second holder, every step of the rule would copy the graph so far.
    builder = GraphBuilder(batch: 1, length: 1)
    defer { builder = build.graph }
    return try rule(node, &build)
  }

  /// Imports the body of a function of the model in the call's place.
  private mutating func importFunction(
    _ function: Onnx_FunctionProto, call: Onnx_NodeProto, inputs: [Graph.ValueID?], depth: Int
  ) throws -> [Graph.ValueID] {
    guard depth < Self.deepestCall else { throw OperatorError("its function calls itself") }
    let caller = scope
    defer { scope = caller }
    let opsets = ONNXNode.opsets(function.opsetImport)
    var inner = Scope(opsets: opsets.isEmpty ? caller.opsets : opsets)
    for (name, value) in zip(function.input, inputs) { inner.values[name] = value }
    scope = inner
    var given = Dictionary(function.attributeProto.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    for attribute in call.attribute { given[attribute.name] = attribute }
    let nodes = function.node.map { body in
      var body = body
      if !body.name.isEmpty { body.name = "\(call.name.isEmpty ? call.opType : call.name)/\(body.name)" }
      // Attributes of the body that stand for the call's, or are left out with them.
      body.attribute = body.attribute.compactMap { attribute in
        guard !attribute.refAttrName.isEmpty else { return attribute }
        guard var value = given[attribute.refAttrName] else { return nil }
        value.name = attribute.name
        return value
      }
      // An input that the call leaves out is left out in the body too.
      body.input = body.input.map { name in
        function.input.firstIndex(of: name).map { $0 >= inputs.count || inputs[$0] == nil } == true ? "" : name
      }
      return body
    }
    return try importBody(nodes, outputs: function.output, depth: depth)
  }

  /// An `If` whose condition is known is the branch that it takes.
  private mutating func importBranch(
    _ node: ONNXNode, inputs: [Graph.ValueID?], depth: Int
  ) throws -> [Graph.ValueID] {
    guard depth < Self.deepestCall, let condition = inputs.first.flatMap({ $0 }).flatMap({ builder.constant(of: $0) }),
      condition.shape.count == 1,
      let branch = node.graph(condition.values[0] != 0 ? "then_branch" : "else_branch")
    else { throw OperatorError(ImportRules.refusal(of: "If", domain: "")) }
    let outside = scope
    defer { scope = outside }
    var reader = TensorReader(path: source.path)
    for tensor in branch.initializer {
      scope.values[tensor.name] = builder.constant(try reader.read(tensor), name: tensor.name)
    }
    return try importBody(branch.node, outputs: branch.output.map(\.name), depth: depth)
  }

  private mutating func importBody(
    _ nodes: [Onnx_NodeProto], outputs: [String], depth: Int
  ) throws -> [Graph.ValueID] {
    let before = refused.count
    try importNodes(nodes, depth: depth + 1)
    var values: [Graph.ValueID] = []
    for name in outputs {
      guard let value = value(named: name) else {
        // The nodes that stand in the way are listed already, unless there are none.
        throw OperatorError(
          refused.count > before ? "nodes inside it are not supported" : "nothing writes '\(name)' in it")
      }
      values.append(value)
    }
    return values
  }
}
