internal import NetworkGraph
internal import Tensors

/// Where the elements of a value lie in the row-major elements of another: what transposes, reshapes, slices and splits do.
struct StridedOrigin {
  /// The value that is computed, not rearranged.
  var source: Graph.ValueID
  var offset: Int
  var dims: [Int]
  var strides: [Int]

  init(whole value: Graph.ValueID, shape: Shape) {
    source = value
    offset = 0
    dims = shape.dims
    strides = shape.strides
  }

  /// Follows one node upwards: the origin of its output `index`, from the origin of its input.
  /// - Returns: `nil` when the node computes, or when no strides describe what it does.
  func after(_ op: any NetworkOperator, output index: Int) -> StridedOrigin? {
    var result = self
    switch op {
    case let op as Transpose:
      result.dims = op.permutation.map { dims[$0] }
      result.strides = op.permutation.map { strides[$0] }
    case let op as Slice:
      for (axis, cut) in op.cuts.enumerated() {
        result.offset += cut.start * strides[axis]
        result.dims[axis] = cut.count
        result.strides[axis] *= cut.step
      }
    case let op as Split:
      result.offset += op.lengths[..<index].reduce(0, +) * strides[op.axis]
      result.dims[op.axis] = op.lengths[index]
    case let op as Gather where op.indexShape.rank == 0 && op.indices.count == 1:
      let entry = op.indices[0] < 0 ? op.indices[0] + dims[op.axis] : op.indices[0]
      result.offset += entry * strides[op.axis]
      result.dims.remove(at: op.axis)
      result.strides.remove(at: op.axis)
    case let op as Reshape:
      guard let strides = reshaped(op.shape.dims) else { return nil }
      result.dims = op.shape.dims
      result.strides = strides
    default: return nil
    }
    return result
  }

  /// Strides under another shape, when axes are only split or merged where they lie one after the other.
  private func reshaped(_ new: [Int]) -> [Int]? {
    guard !dims.contains(0), dims.reduce(1, *) == new.reduce(1, *) else { return nil }
    // Axes of length 1 have no stride to keep.
    let old = zip(dims, strides).filter { $0.0 != 1 }
    var result = [Int](repeating: 0, count: new.count)
    var (from, to) = (0, 0)
    while from < old.count {
      var (oldEnd, newEnd) = (from + 1, to)
      while newEnd < new.count, new[newEnd] == 1 { newEnd += 1 }
      guard newEnd < new.count else { return nil }
      to = newEnd
      newEnd += 1
      var (oldSize, newSize) = (old[from].0, new[to])
      while oldSize != newSize {
        if oldSize < newSize {
          guard oldEnd < old.count else { return nil }
          oldSize *= old[oldEnd].0
          oldEnd += 1
        } else {
          guard newEnd < new.count else { return nil }
          newSize *= new[newEnd]
          newEnd += 1
        }
      }
      for axis in from..<oldEnd - 1 where old[axis].1 != old[axis + 1].0 * old[axis + 1].1 { return nil }
      var stride = old[oldEnd - 1].1
      for axis in (to..<newEnd).reversed() {
        result[axis] = stride
        stride *= new[axis]
      }
      (from, to) = (oldEnd, newEnd)
    }
    return result
  }
}

extension Graph {
  /// Where the elements of a value lie in the value they were computed as, given who computes what.
  func origin(_ value: ValueID, _ producer: [ValueID: (node: Int, output: Int)]) -> StridedOrigin {
    guard let (index, output) = producer[value], nodes[index].inputs.count == 1,
      let found = origin(nodes[index].inputs[0], producer).after(nodes[index].op, output: output)
    else { return StridedOrigin(whole: value, shape: values[value].shape) }
    return found
  }

  /// Which node computes each value, and as which of its outputs.
  var producers: [ValueID: (node: Int, output: Int)] {
    var result: [ValueID: (node: Int, output: Int)] = [:]
    for (index, node) in nodes.enumerated() {
      for (output, value) in node.outputs.enumerated() { result[value] = (index, output) }
    }
    return result
  }

  /// With transposes and reshapes that together leave every element in its place as one reshape.
  func straightened() -> Graph {
    var graph = self
    let producer = producers
    for (index, node) in nodes.enumerated() where node.op is Transpose || node.op is Reshape {
      let origin = origin(node.outputs[0], producer)
      let shape = values[node.outputs[0]].shape
      guard origin.source != node.inputs[0], origin.source != node.outputs[0], origin.offset == 0,
        values[origin.source].shape.count == shape.count,
        zip(shape.dims, zip(origin.strides, shape.strides)).allSatisfy({ $0 == 1 || $1.0 == $1.1 })
      else { continue }
      graph.nodes[index] = Node(
        name: node.name, op: Reshape(to: shape), inputs: [origin.source], outputs: node.outputs)
    }
    return graph.withoutUnusedNodes()
  }
}
