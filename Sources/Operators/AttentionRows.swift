internal import NetworkGraph
internal import Tensors

// The operands of an attention as rows of channels, which hold all heads side by side.
extension AttentionPass {
  mutating func new(_ name: String, _ shape: Shape) -> Graph.ValueID {
    graph.values.append(Graph.Value(name: name, shape: shape))
    return graph.values.count - 1
  }

  /// The operand `[..., rows, size]` (or `[..., size, rows]`) of a product as part of a value of shape `[1, rows, channels]`.
  mutating func rows(
    _ value: Graph.ValueID, _ heads: Int, _ count: Int, _ size: Int, transposed: Bool
  ) -> (value: Graph.ValueID, operand: Attention.HeadRows)? {
    let rank = graph.values[value].shape.rank
    let leading = graph.values[value].shape.dims.dropLast(2).indices.filter { graph.values[value].shape[$0] != 1 }
    guard graph.values[value].shape.count == heads * count * size, leading.count == (heads == 1 ? 0 : 1)
    else { return nil }
    return rows(
      value, Axes(head: leading.first, row: transposed ? rank - 1 : rank - 2, entry: transposed ? rank - 2 : rank - 1),
    )
  }

  /// Which axes of a value are heads, rows and the entries of a head's row; all others have length 1.
  struct Axes: Hashable {
    var head: Int?
    var row: Int
    var entry: Int
  }

  mutating func rows(_ value: Graph.ValueID, _ axes: Axes)
    -> (value: Graph.ValueID, operand: Attention.HeadRows)?
  {
    let origin = graph.origin(value, producer)
    let source = graph.values[origin.source].shape
    let (count, size) = (origin.dims[axes.row], origin.dims[axes.entry])
    let heads = axes.head.map { origin.dims[$0] } ?? 1
    let stride = axes.head.map { origin.strides[$0] } ?? 0
    let (rowStride, entryStride) = (origin.strides[axes.row], origin.strides[axes.entry])
    if entryStride == 1 || size == 1, source.count == count * rowStride,
      origin.offset + (heads - 1) * stride + size <= rowStride, stride >= 0
    {
      var result = origin.source
      if source != [1, count, rowStride] {
        result = new(graph.values[origin.source].name + ".rows", [1, count, rowStride])
        emitted.append(
          Graph.Node(
            name: graph.values[result].name, op: Reshape(to: [1, count, rowStride]), inputs: [origin.source],
            outputs: [result]))
      }
      return (result, Attention.HeadRows(channels: rowStride, offset: origin.offset, stride: stride))
    }
    // Computed head by head: the same computation on rows that hold all heads.
    guard source.count == heads * count * size, origin.offset == 0, let index = producer[origin.source]?.node else {
      return nil
    }
    let strides = source.strides
    func axis(_ stride: Int, _ length: Int) -> Int? {
      source.dims.indices.first { source[$0] == length && (length == 1 || strides[$0] == stride) }
    }
    guard let row = axis(rowStride, count), let entry = axis(entryStride, size) else { return nil }
    let head = axes.head.flatMap { axis(stride, origin.dims[$0]) }
    guard heads == 1 || head != nil, Set([row, entry, head ?? -1]).count == 3 else { return nil }
    return recomputed(index, Axes(head: head, row: row, entry: entry), heads, count, size)
  }

  private mutating func recomputed(
    _ index: Int, _ axes: Axes, _ heads: Int, _ count: Int, _ size: Int
  ) -> (value: Graph.ValueID, operand: Attention.HeadRows)? {
    let node = graph.nodes[index]
    guard node.outputs.count == 1 else { return nil }
    let operand = Attention.HeadRows(channels: heads * size, offset: 0, stride: size)
    let computation = HeadComputation(node: index, axes: axes)
    if let known = recomputed[computation] { return (known, operand) }
    let shape = graph.values[node.outputs[0]].shape
    let data = node.inputs.filter { graph.values[$0].constant == nil }
    guard data.count == 1 else { return nil }
    var inputs: [Graph.ValueID]
    let op: any NetworkOperator
    if let binary = node.op as? Binary, graph.values[data[0]].shape == shape,
      let input = contiguous(data[0], axes, heads, count, size)
    {
      let position = node.inputs.firstIndex(of: data[0])!
      let constant = graph.values[node.inputs[1 - position]].constant!
      let moved = new("constant", [])
      graph.values[moved].constant = rowConstant(constant, shape, axes, heads, count, size)
      graph.values[moved].shape = graph.values[moved].constant!.shape
      inputs = position == 0 ? [input, moved] : [moved, input]
      op = binary
    } else if node.op.isElementwise, let input = contiguous(data[0], axes, heads, count, size) {
      inputs = [input]
      op = node.op
    } else if let convolution = node.op as? Convolution, axes.head == 0 || axes.head == nil, axes.row == 1,
      axes.entry == 2, heads > 1
    {
      let from = graph.values[data[0]].shape
      guard let input = contiguous(data[0], axes, heads, from[1], from[2]),
        let all = convolution.forEachHead(heads)
      else { return nil }
      inputs = [input]
      op = all
    } else {
      return nil
    }
    let result = new(graph.values[node.outputs[0]].name + ".rows", [1, count, heads * size])
    emitted.append(Graph.Node(name: node.name, op: op, inputs: inputs, outputs: [result]))
    recomputed[computation] = result
    return (result, operand)
  }

  /// The rows of a value with nothing between and beside its heads.
  private mutating func contiguous(
    _ value: Graph.ValueID, _ axes: Axes, _ heads: Int, _ count: Int, _ size: Int
  ) -> Graph.ValueID? {
    guard let (source, operand) = rows(value, axes), heads == 1 || operand.stride == size else { return nil }
    let channels = heads * size
    if operand.channels == channels { return source }
    let result = new(graph.values[value].name + ".rows", [1, count, channels])
    let cuts = [1, count, channels].map { Slice.Cut(start: 0, count: $0) }
    var shifted = cuts
    shifted[2].start = operand.offset
    emitted.append(
      Graph.Node(name: graph.values[result].name, op: Slice(cuts: shifted), inputs: [source], outputs: [result]))
    return result
  }

  /// A constant operand in the order of the rows: one number a channel, or one an element where it runs along the rows.
  private func rowConstant(
    _ constant: ConstantTensor, _ shape: Shape, _ axes: Axes, _ heads: Int, _ count: Int, _ size: Int
  ) -> ConstantTensor {
    let fromEnd = shape.rank - axes.row
    let varies = constant.shape.rank >= fromEnd && constant.shape[constant.shape.rank - fromEnd] > 1
    let values = constant.values
    var moved: [Double] = []
    for row in 0..<(varies ? count : 1) {
      for head in 0..<heads {
        for entry in 0..<size {
          var index = [Int](repeating: 0, count: shape.rank)
          index[axes.row] = row
          index[axes.entry] = entry
          if let axis = axes.head { index[axis] = head }
          moved.append(values[constant.shape.offset(broadcastTo: index)])
        }
      }
    }
    return ConstantTensor(shape: varies ? [1, count, heads * size] : [heads * size], values: moved)
  }
}

extension Convolution {
  /// The same convolution for each of several heads that lie side by side in the channels.
  fileprivate func forEachHead(_ heads: Int) -> Convolution? {
    let all = ConstantTensor(
      shape: [heads * weight.shape[0], weight.shape[1], weight.shape[2]],
      floats: (0..<heads).flatMap { _ in weight.floats })
    let biases = bias.map { bias in
      ConstantTensor(shape: [heads * weight.shape[0]], floats: (0..<heads).flatMap { _ in bias.floats })
    }
    return try? Convolution(
      weight: all, bias: biases, stride: stride, dilation: dilation, groups: groups * heads,
      padding: (before, after), relu: relu)
  }
}
