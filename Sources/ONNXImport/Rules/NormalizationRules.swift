internal import Kernels
internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let normalizationRules: [String: ImportRule] = [
    "BatchNormalization": batchNormalization,
    "LayerNormalization": layerNormalization,
    "InstanceNormalization": instanceNormalization,
    "GroupNormalization": groupNormalization,
    "RMSNormalization": rootMeanSquare,
  ]

  /// With running statistics it is a scale and a shift per channel, computed in float64.
  private static func batchNormalization(
    _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    guard !node.flag("training_mode") else {
      throw OperatorError("it is in training mode; call model.eval() before the export")
    }
    let input = try build.shape(0)
    let scale = try build.constant(1, "scale").values
    let shift = try build.constant(2, "bias").values
    let mean = try build.constant(3, "mean").values
    let variance = try build.constant(4, "variance").values
    guard input.rank >= 2, [scale, shift, mean, variance].allSatisfy({ $0.count == input[1] }) else {
      throw OperatorError("statistics of \(scale.count) channels for an input of shape \(input)")
    }
    let epsilon = node.float("epsilon", default: 1e-5)
    let factors = scale.indices.map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
    let offsets = scale.indices.map { shift[$0] - mean[$0] * factors[$0] }
    return try build.emit(ScaleShift(scale: factors, shift: offsets, axis: 1), try build.input(0))
  }

  private static func layerNormalization(
    _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    let axis = try build.axis(default: -1, rank: input.rank)
    let entries = Shape(Array(input.dims[axis...]))
    let scale = try spread(try build.constant(1, "scale"), over: entries)
    let shift = try build.optionalConstant(2, "bias")
    let op = Normalization(
      axes: Array(axis..<input.rank), epsilon: node.float("epsilon", default: 1e-5), scale: scale,
      shift: try shift.map { bias throws(OperatorError) in try spread(bias, over: entries) })
    return try build.emit(op, try build.input(0))
  }

  /// One number an entry, from a tensor that broadcasts.
  private static func spread(_ tensor: ConstantTensor, over entries: Shape) throws(OperatorError) -> [Double] {
    try Expand(to: entries).evaluate([tensor])[0].values
  }

  private static func instanceNormalization(
    _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    guard input.rank >= 3 else { throw OperatorError("input \(input) has no positions") }
    let op = Normalization(axes: Array(2..<input.rank), epsilon: node.float("epsilon", default: 1e-5))
    return try scaled(try build.apply(op, try build.input(0)), channels: input[1], perGroup: 1, &build)
  }

  /// Groups of channels are normalised together, then every channel has its scale and shift.
  private static func groupNormalization(
    _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    let groups = node.int("num_groups")
    guard input.rank >= 2, groups > 0, input[1] % groups == 0 else {
      throw OperatorError("\(groups) groups of an input of shape \(input)")
    }
    let apart = try build.reshape(
      try build.input(0), to: [input[0], groups, input[1] / groups] + input.dims[2...])
    let op = Normalization(axes: Array(2...input.rank), epsilon: node.float("epsilon", default: 1e-5))
    let joined = try build.reshape(try build.apply(op, apart), to: input.dims)
    // Up to opset 20 there was one scale a group.
    let count = try build.shape(1).count
    guard count == input[1] || count == groups else { throw OperatorError("\(count) scales for \(input[1]) channels") }
    return try scaled(joined, channels: input[1], perGroup: count == input[1] ? 1 : input[1] / groups, &build)
  }

  private static func scaled(
    _ value: Graph.ValueID, channels: Int, perGroup: Int, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let scale = try build.constant(1, "scale").values
    let shift = try build.constant(2, "bias").values
    guard scale.count * perGroup == channels, shift.count == scale.count else {
      throw OperatorError("\(scale.count) scales and \(shift.count) biases for \(channels) channels")
    }
    // PyTorch writes a group norm as one without scales, followed by them.
    if scale.allSatisfy({ $0 == 1 }), shift.allSatisfy({ $0 == 0 }) {
      return try build.emit(Reshape(to: build.shape(of: value)), value)
    }
    let op = ScaleShift(
      scale: (0..<channels).map { scale[$0 / perGroup] }, shift: (0..<channels).map { shift[$0 / perGroup] }, axis: 1)
    return try build.emit(op, value)
  }

  /// `x / sqrt(mean(x * x) + epsilon) * scale`
  private static func rootMeanSquare(
    _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    let axis = try build.axis(default: -1, rank: input.rank)
    let x = try build.input(0)
    let squares = try build.apply(Binary(.multiply), x, x)
    let mean = try build.apply(Reduce(.mean, axes: Array(axis..<input.rank), keepsAxes: true), squares)
    let shifted = try build.apply(Binary(.add), mean, build.scalar(node.float("epsilon", default: 1e-5)))
    let normal = try build.apply(Binary(.divide), x, try build.apply(Unary(.sqrt), shifted))
    return try build.emit(Binary(.multiply), normal, try build.input(1))
  }
}
