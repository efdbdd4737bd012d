internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let shapeRules: [String: ImportRule] = [
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": { node, build throws(OperatorError) in
      let rank = try build.shape(0).rank
      let order = node.ints("perm") ?? Array((0..<rank).reversed())
      return try build.emit(try Transpose(permutation: order), try build.input(0))
    },
    "Shape": { node, build throws(OperatorError) in
      let dims = try build.shape(0).dims
      func bound(_ name: String, default value: Int) -> Int {
        let position = node.int(name, default: value)
        return min(max(position < 0 ? max(position, -dims.count) + dims.count : position, 0), dims.count)
      }
      let (start, end) = (bound("start", default: 0), bound("end", default: dims.count))
      return [build.constant(ConstantTensor(integers: Array(dims[start..<max(start, end)])))]
    },
    "Size": { node, build throws(OperatorError) in
      [build.constant(ConstantTensor(scalar: Double(try build.shape(0).count), kind: .integer))]
    },
    "Identity": { node, build throws(OperatorError) in [try build.input(0)] },
    "Cast": cast,
    "CastLike": { node, build throws(OperatorError) in
      // The sequence and all that is computed from it are floating-point numbers.
      let kind = build.known(try build.input(1))?.kind ?? .float
      return try casting(to: kind, &build)
    },
  ]

  /// 0 keeps an axis (unless zeros are allowed), -1 takes what is left.
  private static func reshape(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    guard let wanted = try build.integers(attribute: "shape", input: 1) else { throw OperatorError("it has no shape") }
    var dims = wanted
    for (axis, length) in wanted.enumerated() where length == 0 && !node.flag("allowzero") {
      guard axis < input.rank else { throw OperatorError("shape \(wanted) of an input of shape \(input)") }
      dims[axis] = input[axis]
    }
    let open = dims.indices.filter { dims[$0] == -1 }
    guard open.count <= 1, dims.allSatisfy({ $0 >= -1 }) else { throw OperatorError("shape \(wanted)") }
    if let axis = open.first {
      let others = try Shape.checked(dims.enumerated().filter { $0.offset != axis }.map(\.element)).count
      guard others > 0, input.count % others == 0 else {
        throw OperatorError("shape \(wanted) of an input of shape \(input)")
      }
      dims[axis] = input.count / others
    }
    return try build.emit(Reshape(to: try Shape.checked(dims)), try build.input(0))
  }

  private static func flatten(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    let axis = node.int("axis", default: 1)
    guard -input.rank <= axis, axis <= input.rank else { throw OperatorError("axis \(axis) of \(input)") }
    let split = axis < 0 ? axis + input.rank : axis
    let dims = [input.dims[..<split].reduce(1, *), input.dims[split...].reduce(1, *)]
    return try build.emit(Reshape(to: Shape(dims)), try build.input(0))
  }

  private static func squeeze(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    let given = try build.integers(attribute: "axes", input: 1)
    let axes = try given.map { axes throws(OperatorError) in try NodeBuilder.normalized(axes, rank: input.rank) }
    let dropped = axes ?? input.dims.indices.filter { input[$0] == 1 }
    guard dropped.allSatisfy({ input[$0] == 1 }) else {
      throw OperatorError("axes \(dropped) of \(input) are not all 1")
    }
    let dims = input.dims.indices.filter { !dropped.contains($0) }.map { input[$0] }
    return try build.emit(Reshape(to: Shape(dims)), try build.input(0))
  }

  private static func unsqueeze(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    guard let given = try build.integers(attribute: "axes", input: 1) else { throw OperatorError("it names no axes") }
    let rank = input.rank + given.count
    var dims = input.dims
    for axis in try NodeBuilder.normalized(given, rank: rank).sorted() { dims.insert(1, at: axis) }
    return try build.emit(Reshape(to: Shape(dims)), try build.input(0))
  }

  private static func cast(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    guard let type = ElementType(rawValue: node.int("to")) else {
      throw OperatorError("a cast to element type \(node.int("to"))")
    }
    return try casting(to: type.kind, &build)
  }

  /// Numbers are computed in float32 (or float64 while loading) whatever floating-point type the model names.
  private static func casting(
    to kind: ConstantTensor.Kind, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let x = try build.input(0)
    if kind == .float, build.known(x) == nil { return [x] }
    return try build.emit(Cast(to: kind), x)
  }
}
