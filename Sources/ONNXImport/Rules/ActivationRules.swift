internal import Kernels
internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let activationRules: [String: ImportRule] = [
    "Relu": unary { _ in .relu },
    "LeakyRelu": unary { .leakyRelu(slope: $0.float("alpha", default: 0.01)) },
    "Elu": unary { .elu(alpha: $0.float("alpha", default: 1)) },
    "Selu": unary {
      // The defaults of the standard are these very decimals.
      .selu(
        alpha: $0.float("alpha", default: 1.6732632423543772848170429916717),
        gamma: $0.float("gamma", default: 1.0507009873554804934193349852946))
    },
    "Celu": unary { .celu(alpha: $0.float("alpha", default: 1)) },
    "Gelu": unary { $0.string("approximate", default: "none") == "tanh" ? .geluTanh : .gelu },
    "Sigmoid": unary { _ in .sigmoid },
    "HardSigmoid": unary { .hardSigmoid(alpha: $0.float("alpha", default: 0.2), beta: $0.float("beta", default: 0.5)) },
    "HardSwish": unary { _ in .hardSwish },
    "Swish": unary { .swish(alpha: $0.float("alpha", default: 1)) },
    "Mish": unary { _ in .mish },
    "Tanh": unary { _ in .tanh },
    "Softplus": unary { _ in .softplus },
    "Softsign": unary { _ in .softsign },
    "PRelu": prelu,
    "ThresholdedRelu": thresholdedRelu,
    "Clip": clip,
    "Shrink": { node, build throws(OperatorError) in
      let op = Shrink(threshold: node.float("lambd", default: 0.5), bias: node.float("bias", default: 0))
      return try build.emit(op, try build.input(0))
    },
    "Softmax": { node, build throws(OperatorError) in try softmax(node, &build, logarithm: false) },
    "LogSoftmax": { node, build throws(OperatorError) in try softmax(node, &build, logarithm: true) },
    "Dropout": { node, build throws(OperatorError) in
      if build.has(2), try build.constant(2, "training mode").values.contains(where: { $0 != 0 }) {
        throw OperatorError("it is in training mode; call model.eval() before the export")
      }
      return [try build.input(0)]
    },
  ]

  /// Activations that ONNX Runtime's optimiser leaves in a model.
  static let microsoftRules: [String: ImportRule] = [
    "Gelu": unary { _ in .gelu },
    "QuickGelu": unary { .swish(alpha: $0.float("alpha", default: 1.702)) },
  ]

  static func unary(_ function: @escaping @Sendable (ONNXNode) -> UnaryFunction) -> ImportRule {
    { node, build throws(OperatorError) in try build.emit(Unary(function(node)), try build.input(0)) }
  }

  /// `x < 0 ? slope * x : x`, where the slope broadcasts to `x`.
  private static func prelu(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let slope = try build.constant(1, "slope")
    if slope.shape.count == 1 {
      return try build.emit(Unary(.leakyRelu(slope: slope.values[0])), try build.input(0))
    }
    let (x, shape) = (try build.input(0), try build.shape(0))
    let long = slope.shape.dims.indices.filter { slope.shape[$0] != 1 }.map { $0 + shape.rank - slope.shape.rank }
    if long.count == 1, slope.shape.rank <= shape.rank, shape[long[0]] == slope.shape.count {
      return try build.emit(ParametricRelu(slopes: slope.values, axis: long[0]), x)
    }
    let scaled = try build.apply(Binary(.multiply), x, try build.input(1))
    let positive = try build.apply(Predicate(.greater), x, build.scalar(0))
    return try build.emit(Where(), positive, x, scaled)
  }

  /// `x > alpha ? x : 0`
  private static func thresholdedRelu(
    _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let x = try build.input(0)
    let above = try build.apply(Predicate(.greater), x, build.scalar(node.float("alpha", default: 1)))
    return try build.emit(Where(), above, x, build.scalar(0))
  }

  private static func clip(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    func bound(_ index: Int, _ name: String, default value: Double) throws(OperatorError) -> Double {
      if let constant = try build.optionalConstant(index, name) {
        guard constant.shape.count == 1 else { throw OperatorError("\(name) is not one number") }
        return constant.values[0]
      }
      return node.float(name, default: value)
    }
    let minimum = try bound(1, "min", default: -.infinity)
    let maximum = try bound(2, "max", default: .infinity)
    if let known = build.known(try build.input(0)), known.kind == .integer {
      let values = known.values.map { min(max($0, minimum), maximum) }
      return [build.constant(ConstantTensor(shape: known.shape, kind: .integer, values: values))]
    }
    return try build.emit(Unary(.clip(minimum: minimum, maximum: maximum)), try build.input(0))
  }

  /// Before opset 13 all axes from `axis` on were one group.
  private static func softmax(
    _ node: ONNXNode, _ build: inout NodeBuilder, logarithm: Bool
  ) throws(OperatorError) -> [Graph.ValueID] {
    let (x, shape) = (try build.input(0), try build.shape(0))
    if node.opset >= 13 {
      let axis = try build.axis(default: -1, rank: shape.rank)
      return try build.emit(Softmax(axis: axis, logarithm: logarithm), x)
    }
    let axis = try build.axis(default: 1, rank: shape.rank)
    if axis == shape.rank - 1 || shape.dims[(axis + 1)...].allSatisfy({ $0 == 1 }) {
      return try build.emit(Softmax(axis: axis, logarithm: logarithm), x)
    }
    let flat = try build.reshape(x, to: [shape.dims[..<axis].reduce(1, *), shape.dims[axis...].reduce(1, *)])
    let result = try build.apply(Softmax(axis: 1, logarithm: logarithm), flat)
    return try build.emit(Reshape(to: shape), result)
  }
}
