internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let reductionRules: [String: ImportRule] = [
    "ReduceMean": reduction(.mean),
    "ReduceSum": reduction(.sum),
    "ReduceMax": reduction(.max),
    "ReduceMin": reduction(.min),
    "ReduceProd": reduction(.product),
    "ReduceL1": reduction(.l1),
    "ReduceL2": reduction(.l2),
    "ReduceSumSquare": reduction(.sumSquare),
    "ReduceLogSumExp": reduction(.logSumExp),
  ]

  /// Axes are an attribute in older operator sets and an input in newer ones; without any, all axes are reduced.
  private static func reduction(_ function: ReduceFunction) -> ImportRule {
    { node, build throws(OperatorError) in
      let (x, shape) = (try build.input(0), try build.shape(0))
      let given = try build.integers(attribute: "axes", input: 1) ?? []
      if given.isEmpty, node.flag("noop_with_empty_axes") { return [x] }
      let axes = given.isEmpty ? Array(shape.dims.indices) : try NodeBuilder.normalized(given, rank: shape.rank)
      guard !axes.isEmpty else { return [x] }
      return try build.emit(Reduce(function, axes: axes, keepsAxes: node.flag("keepdims", default: true)), x)
    }
  }
}
