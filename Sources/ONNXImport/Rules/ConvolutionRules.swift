internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let convolutionRules: [String: ImportRule] = [
    "Conv": convolution,
    "ConvTranspose": transposedConvolution,
  ]

  /// ONNX Conv is channels-first; ours is channels-last, between two transposes that the layout pass cancels.
  private static func convolution(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID]
  {
    let weight = try build.constant(1, "weights")
    let bias = try build.optionalConstant(2, "bias")
    let input = try build.shape(0)
    guard input.rank == weight.shape.rank, input.rank >= 3, weight.shape.count > 0 else {
      throw OperatorError("input \(input) for weights \(weight.shape)")
    }
    let windows = try SpatialWindow.read(node, kernel: Array(weight.shape.dims[2...]), lengths: Array(input.dims[2...]))
    let flat = try PlanarConvolution.flatten(input: try build.input(0), weight: weight, windows: windows, &build)
    let window = flat.window
    let op = try Convolution(
      weight: flat.weight, bias: bias, stride: window.stride, dilation: window.dilation,
      groups: max(1, min(node.int("group", default: 1), weight.shape[0])), padding: (window.before, window.after))
    let rows = try build.transpose(flat.value, [0, 2, 1])
    let result = try build.apply(op, rows)
    guard input.rank > 3 else { return try build.emit(try Transpose(permutation: [0, 2, 1]), result) }
    let columns = try build.transpose(result, [0, 2, 1])
    let dims = build.shape(of: columns).dims
    return try build.emit(Reshape(to: Shape(dims[..<2] + flat.spatial.map { $0 ?? dims[2] })), columns)
  }

  /// A transposed convolution is a plain one, with flipped weights, of the input with zeros between its entries.
  private static func transposedConvolution(
    _ node: ONNXNode, _ build: inout NodeBuilder
  ) throws(OperatorError) -> [Graph.ValueID] {
    let weight = try build.constant(1, "weights")
    let bias = try build.optionalConstant(2, "bias")
    let input = try build.shape(0)
    let groups = node.int("group", default: 1)
    var value = try build.input(0)
    var dims = weight.shape.dims
    // [N, C, 1, L] and [N, C, L, 1] with kernels (1, k) and (k, 1) are one-dimensional.
    var dropped: Int?
    if input.rank == 4, dims.count == 4, let axis = [2, 3].first(where: { input[$0] == 1 && dims[$0] == 1 }) {
      dropped = axis
      dims.remove(at: axis)
      value = try build.reshape(value, to: input.dims.enumerated().filter { $0.offset != axis }.map(\.element))
    }
    let shape = build.shape(of: value)
    guard shape.rank == 3, dims.count == 3, dims[0] == shape[1], groups > 0, dims[0] % groups == 0 else {
      throw OperatorError(
        "input \(input) for weights \(weight.shape) in \(groups) group(s); only one-dimensional ones are supported")
    }
    let kept = (2..<input.rank).filter { $0 != dropped }.map { $0 - 2 }
    let spatial = input.rank - 2
    func number(_ name: String, default value: Int, offset: Int = 0, count: Int) throws(OperatorError) -> Int {
      try node.sizes(name, count: count, default: value)[kept[0] + offset]
    }
    let stride = try number("strides", default: 1, count: spatial)
    let dilation = try number("dilations", default: 1, count: spatial)
    let extra = try number("output_padding", default: 0, count: spatial)
    guard stride > 0, dilation > 0 else { throw OperatorError("stride \(stride), dilation \(dilation)") }
    let (taps, reach) = (dims[2], (dims[2] - 1) * dilation)
    var before = try number("pads", default: 0, count: 2 * spatial)
    var after = try number("pads", default: 0, offset: spatial, count: 2 * spatial)
    let automatic = node.string("auto_pad", default: "NOTSET")
    let whole = (shape[2] - 1) * stride + reach + 1 + extra
    if automatic.hasPrefix("SAME") || node.ints("output_shape") != nil {
      let wanted = node.ints("output_shape").map { $0.last { $0 != 1 } ?? 1 } ?? shape[2] * stride
      guard wanted > 0, wanted <= whole else { throw OperatorError("an output of \(wanted) positions") }
      let total = whole - wanted
      // The specification puts the larger half first, unless SAME_UPPER is asked for.
      before = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
      after = total - before
    }
    // Stored [in, out / groups, taps]; a convolution wants [out, in / groups, taps], taps the other way round.
    let (inGroup, outGroup) = (dims[0] / groups, dims[1])
    let stored = weight.values
    var flipped = [Double](repeating: 0, count: stored.count)
    for o in 0..<outGroup * groups {
      for i in 0..<inGroup {
        let from = (((o / outGroup) * inGroup + i) * outGroup + o % outGroup) * taps
        for tap in 0..<taps { flipped[(o * inGroup + i) * taps + tap] = stored[from + taps - 1 - tap] }
      }
    }
    let op = try Convolution(
      weight: ConstantTensor(shape: [outGroup * groups, inGroup, taps], values: flipped), bias: bias,
      dilation: dilation, groups: groups, padding: (reach - before, reach - after + extra))
    var rows = try build.transpose(value, [0, 2, 1])
    if stride > 1 { rows = try build.apply(Interleave(axis: 1, stride: stride), rows) }
    let result = try build.transpose(try build.apply(op, rows), [0, 2, 1])
    var outputDims = build.shape(of: result).dims
    if let dropped { outputDims.insert(1, at: dropped) }
    return try build.emit(Reshape(to: Shape(outputDims)), result)
  }
}
