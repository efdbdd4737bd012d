internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let poolRules: [String: ImportRule] = [
    "MaxPool": { node, build throws(OperatorError) in try pool(.max, node, &build) },
    "AveragePool": { node, build throws(OperatorError) in try pool(.average, node, &build) },
    "GlobalAveragePool": { node, build throws(OperatorError) in try globalPool(.mean, &build) },
    "GlobalMaxPool": { node, build throws(OperatorError) in try globalPool(.max, &build) },
  ]

  private static func pool(
    _ kind: Pool.Kind, _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    guard input.rank == 3 || input.rank == 4 else {
      throw OperatorError("input \(input): only pooling over positions is supported")
    }
    guard node.outputs.count < 2 || node.outputs[1].isEmpty else {
      throw OperatorError("the indices of the maxima are not supported")
    }
    let kernel = try node.sizes("kernel_shape", count: input.rank - 2, default: 1)
    let windows = try SpatialWindow.read(node, kernel: kernel, lengths: Array(input.dims[2...]))
    let countsPadding = node.flag("count_include_pad")
    var value = try build.input(0)
    var kept = 0
    if input.rank == 4 {
      // A window on an axis of length 1 changes nothing, unless a mean counts its padding.
      guard
        let dropped = [0, 1].first(where: {
          windows[$0].isPoint(length: input[2 + $0]) && (kind == .max || !countsPadding || windows[$0].size == 1)
        })
      else {
        throw OperatorError("input \(input) with kernel \(kernel): pooling over more than one axis is not supported")
      }
      kept = 1 - dropped
      value = try build.reshape(value, to: [input[0], input[1], input[2 + kept]])
    }
    let window = windows[kept]
    let op = try Pool(
      kind: kind, size: window.size, stride: window.stride, dilation: window.dilation,
      padding: (window.before, window.after), ceilMode: node.flag("ceil_mode"), countIncludesPadding: countsPadding)
    let result = try build.apply(op, try build.transpose(value, [0, 2, 1]))
    guard input.rank == 4 else { return try build.emit(try Transpose(permutation: [0, 2, 1]), result) }
    let columns = try build.transpose(result, [0, 2, 1])
    var dims = build.shape(of: columns).dims
    dims.insert(1, at: kept == 0 ? 3 : 2)
    return try build.emit(Reshape(to: Shape(dims)), columns)
  }

  private static func globalPool(
    _ function: ReduceFunction, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let rank = try build.shape(0).rank
    guard rank >= 3 else { throw OperatorError("input \(try build.shape(0)) has no positions to pool") }
    return try build.emit(Reduce(function, axes: Array(2..<rank), keepsAxes: true), try build.input(0))
  }
}
