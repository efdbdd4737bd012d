internal import Glibc
internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let resizeRules: [String: ImportRule] = [
    "Resize": resize,
    "Upsample": { node, build throws(OperatorError) in
      let scales = build.has(1) ? try build.constant(1, "scales").values : node.floats("scales") ?? []
      let shape = try build.shape(0)
      guard scales.count == shape.rank else { throw OperatorError("\(scales.count) scales for \(shape)") }
      return try interpolate(
        node, &build, lengths: try lengths(shape, scales), scales: scales, transform: "asymmetric", rounding: "floor")
    },
  ]

  private static func lengths(_ shape: Shape, _ scales: [Double]) throws(OperatorError) -> [Int] {
    let exact = scales.indices.map { (Double(shape[$0]) * scales[$0]).rounded(.down) }
    guard exact.allSatisfy({ 0 < $0 && $0 <= 0x1p31 }) else { throw OperatorError("scales \(scales) of \(shape)") }
    return exact.map { Int($0) }
  }

  private static func resize(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let shape = try build.shape(0)
    guard !node.has("axes"), node.int("antialias") == 0,
      node.string("keep_aspect_ratio_policy", default: "stretch") == "stretch"
    else { throw OperatorError("axes, antialias and keep_aspect_ratio_policy are not supported") }
    // Opset 10 had the scales second, later ones have a region before them.
    let scalesInput = node.opset >= 11 ? 2 : 1
    let given = try build.optionalConstant(scalesInput, "scales")?.values ?? []
    let lengths: [Int]
    if given.isEmpty {
      lengths = try build.constant(3, "sizes").integers
    } else {
      guard given.count == shape.rank else { throw OperatorError("\(given.count) scales for \(shape)") }
      lengths = try self.lengths(shape, given)
    }
    guard lengths.count == shape.rank, lengths.allSatisfy({ 0 < $0 && $0 <= 1 << 31 }), shape.count > 0 else {
      throw OperatorError("sizes \(lengths) for \(shape)")
    }
    let scales = given.isEmpty ? shape.dims.indices.map { Double(lengths[$0]) / Double(shape[$0]) } : given
    return try interpolate(
      node, &build, lengths: lengths, scales: scales,
      transform: node.opset >= 11 ? node.string("coordinate_transformation_mode", default: "half_pixel") : "asymmetric",
      rounding: node.opset >= 11 ? node.string("nearest_mode", default: "round_prefer_floor") : "floor")
  }

  /// Every output entry is one input entry, or the weighted mean of two neighbours.
  private static func interpolate(
    _ node: ONNXNode, _ build: inout NodeBuilder, lengths: [Int], scales: [Double], transform: String, rounding: String
  ) throws(OperatorError) -> [Graph.ValueID] {
    let mode = node.string("mode", default: "nearest")
    guard mode == "nearest" || mode == "linear" else { throw OperatorError("mode '\(mode)'; use nearest or linear") }
    let shape = try build.shape(0)
    var value = try build.input(0)
    for axis in shape.dims.indices where lengths[axis] != shape[axis] {
      guard lengths[axis] <= 1 << 24 else { throw OperatorError("sizes \(lengths)") }
      let length = shape[axis]
      var positions: [Double] = []
      for entry in 0..<lengths[axis] {
        positions.append(
          try position(of: Double(entry), scale: scales[axis], from: length, to: lengths[axis], transform: transform))
      }
      func gather(_ picked: [Int]) -> Gather {
        Gather(axis: axis, indices: picked.map { min(max($0, 0), length - 1) }, indexShape: [picked.count])
      }
      if mode == "nearest" {
        var picked: [Int] = []
        for position in positions { picked.append(try nearest(position, rounding)) }
        value = try build.apply(gather(picked), value)
        continue
      }
      let clamped = positions.map { min(max($0, 0), Double(length - 1)) }
      let low = try build.apply(gather(clamped.map { Int($0) }), value)
      let high = try build.apply(gather(clamped.map { Int($0) + 1 }), value)
      var dims = [Int](repeating: 1, count: shape.rank)
      dims[axis] = clamped.count
      let part = clamped.map { $0 - $0.rounded(.down) }
      let highPart = build.constant(ConstantTensor(shape: Shape(dims), values: part))
      let lowPart = build.constant(ConstantTensor(shape: Shape(dims), values: part.map { 1 - $0 }))
      let a = try build.apply(Binary(.multiply), low, lowPart)
      let b = try build.apply(Binary(.multiply), high, highPart)
      value = try build.apply(Binary(.add), a, b)
    }
    return [value]
  }

  private static func position(
    of entry: Double, scale: Double, from length: Int, to outputs: Int, transform: String
  ) throws(OperatorError) -> Double {
    switch transform {
    case "half_pixel": (entry + 0.5) / scale - 0.5
    case "pytorch_half_pixel": outputs > 1 ? (entry + 0.5) / scale - 0.5 : 0
    case "asymmetric": entry / scale
    case "align_corners": outputs > 1 ? entry * Double(length - 1) / Double(outputs - 1) : 0
    default: throw OperatorError("coordinate_transformation_mode '\(transform)'")
    }
  }

  private static func nearest(_ position: Double, _ rounding: String) throws(OperatorError) -> Int {
    switch rounding {
    case "round_prefer_floor": Int((position - 0.5).rounded(.up))
    case "round_prefer_ceil": Int((position + 0.5).rounded(.down))
    case "floor": Int(position.rounded(.down))
    case "ceil": Int(position.rounded(.up))
    default: throw OperatorError("nearest_mode '\(rounding)'")
    }
  }
}
