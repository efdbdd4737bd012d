internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let movementRules: [String: ImportRule] = [
    "Concat": concat,
    "Split": split,
    "Slice": slice,
    "Pad": pad,
    "Gather": { node, build throws(OperatorError) in
      let axis = try build.axis(default: 0, rank: try build.shape(0).rank)
      let indices = try build.constant(1, "indices")
      return try build.emit(
        Gather(axis: axis, indices: indices.integers, indexShape: indices.shape), try build.input(0))
    },
    "GatherElements": { node, build throws(OperatorError) in
      let axis = try build.axis(default: 0, rank: try build.shape(0).rank)
      return try build.emit(
        GatherElements(axis: axis, indices: try build.constant(1, "indices")), try build.input(0))
    },
    "GatherND": { node, build throws(OperatorError) in
      let input = try build.shape(0)
      let indices = try build.constant(1, "indices")
      let depth = indices.shape.dims.last ?? 0
      guard node.int("batch_dims") == 0, 0 < depth, depth <= input.rank else {
        throw OperatorError("indices of shape \(indices.shape) into \(input), batch_dims \(node.int("batch_dims"))")
      }
      // Each row of indices is one place along the leading axes taken together.
      let leading = Shape(Array(input.dims[..<depth]))
      var places = [Int](repeating: 0, count: indices.shape.count / depth)
      for (position, index) in indices.integers.enumerated() {
        let axis = position % depth
        let entry = index < 0 ? index + leading[axis] : index
        guard 0..<leading[axis] ~= entry else { throw OperatorError("index \(index) into axis \(axis) of \(input)") }
        places[position / depth] += entry * leading.strides[axis]
      }
      let joined =
        depth == 1
        ? try build.input(0)
        : try build.reshape(try build.input(0), to: [leading.count] + Array(input.dims[depth...]))
      return try build.emit(
        Gather(axis: 0, indices: places, indexShape: Shape(Array(indices.shape.dims.dropLast()))), joined)
    },
    "Expand": { node, build throws(OperatorError) in
      let wanted = try Shape.checked(try build.constant(1, "shape").integers)
      guard let shape = try build.shape(0).broadcast(with: wanted) else {
        throw OperatorError("\(try build.shape(0)) does not expand to \(wanted)")
      }
      if shape == (try build.shape(0)) { return [try build.input(0)] }
      return try build.emit(Expand(to: shape), try build.input(0))
    },
    "Tile": { node, build throws(OperatorError) in
      try build.emit(Tile(repeats: try build.constant(1, "repeats").integers), try build.input(0))
    },
  ]

  private static func concat(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    var values: [Graph.ValueID] = []
    for index in build.inputs.indices { values.append(try build.input(index)) }
    let axis = try build.axis(default: 1, rank: try build.shape(0).rank)
    return try build.emit(all: Concat(axis: axis), values)
  }

  /// Lengths are given, or the axis is cut into equal parts (the last may be shorter).
  private static func split(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    let axis = try build.axis(default: 0, rank: input.rank)
    var lengths = try build.integers(attribute: "split", input: 1) ?? []
    if lengths.isEmpty {
      let parts = node.int("num_outputs", default: node.outputs.count)
      guard parts > 0, parts == node.outputs.count else {
        throw OperatorError("\(parts) parts for \(node.outputs.count) outputs")
      }
      let size = (input[axis] + parts - 1) / parts
      lengths = (0..<parts).map { max(0, min(size, input[axis] - $0 * size)) }
    }
    guard lengths.allSatisfy({ 0 <= $0 && $0 <= input[axis] }) else { throw OperatorError("parts of \(lengths)") }
    return try build.emit(Split(axis: axis, lengths: lengths), try build.input(0))
  }

  private static func slice(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let input = try build.shape(0)
    guard let starts = try build.integers(attribute: "starts", input: 1),
      let ends = try build.integers(attribute: "ends", input: 2), starts.count == ends.count
    else { throw OperatorError("it needs as many ends as starts") }
    let given = try build.integers(attribute: "axes", input: 3) ?? Array(starts.indices)
    let axes = try NodeBuilder.normalized(given, rank: input.rank)
    let steps = try build.optionalConstant(4, "steps")?.integers ?? starts.map { _ in 1 }
    guard axes.count == starts.count, steps.count == starts.count else {
      throw OperatorError("\(starts.count) starts, \(axes.count) axes, \(steps.count) steps")
    }
    var cuts = input.dims.map { Slice.Cut(start: 0, count: $0) }
    for (index, axis) in axes.enumerated() {
      cuts[axis] = try Slice.Cut(from: starts[index], to: ends[index], step: steps[index], length: input[axis])
    }
    // A slice that takes everything is no step.
    if input.dims.indices.allSatisfy({ cuts[$0] == Slice.Cut(start: 0, count: input[$0]) }),
      build.known(try build.input(0)) == nil
    {
      return [try build.input(0)]
    }
    return try build.emit(Slice(cuts: cuts), try build.input(0))
  }

  private static func pad(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let (x, input) = (try build.input(0), try build.shape(0))
    guard let pads = try build.integers(attribute: "pads", input: 1) else { throw OperatorError("it names no pads") }
    var axes = Array(input.dims.indices)
    if let given = try build.optionalConstant(3, "axes")?.integers {
      axes = try NodeBuilder.normalized(given, rank: input.rank)
    }
    guard pads.count == 2 * axes.count, pads.allSatisfy({ abs(max($0, -Int.max)) <= Int(Int32.max) }) else {
      throw OperatorError("pads \(pads) for an input of shape \(input)")
    }
    var before = [Int](repeating: 0, count: input.rank)
    var after = before
    for (index, axis) in axes.enumerated() { (before[axis], after[axis]) = (pads[index], pads[index + axes.count]) }
    let mode = node.string("mode", default: "constant")
    if mode == "constant" {
      let value = try build.optionalConstant(2, "value")?.values.first ?? node.float("value", default: 0)
      return try build.emit(Pad(before: before, after: after, value: value), x)
    }
    // The other modes pick entries of the input.
    var result = x
    for axis in input.dims.indices where before[axis] != 0 || after[axis] != 0 {
      let length = input[axis]
      guard length > 0, length + before[axis] + after[axis] >= 0, max(before[axis], after[axis]) <= 1 << 24 else {
        throw OperatorError("pads \(pads) for an input of shape \(input)")
      }
      let wanted = Array(-before[axis]..<max(-before[axis], length + after[axis]))
      let picked: [Int]
      switch mode {
      case "edge": picked = wanted.map { min(max($0, 0), length - 1) }
      case "wrap": picked = wanted.map { ($0 % length + length) % length }
      case "reflect":
        let period = max(2 * (length - 1), 1)
        picked = wanted.map { position in
          let folded = (position % period + period) % period
          return min(folded, period - folded) % length
        }
      default: throw OperatorError("mode '\(mode)'")
      }
      result = try build.apply(Gather(axis: axis, indices: picked, indexShape: [picked.count]), result)
    }
    return [result]
  }
}
