internal import NetworkGraph
internal import Tensors

extension Graph {
  /// Entries repeated by way of a new axis (`Reshape`, `Tile` or `Expand`, `Reshape`), as exporters write `repeat_interleave` and
  /// upsampling, picked in one step: a position axis is seen to stay one.
  func gatheringRepeats() -> Graph {
    var graph = self
    let producers = producers
    func producer(_ value: ValueID) -> Node? { producers[value].map { nodes[$0.node] } }
    for (index, node) in nodes.enumerated() where node.op is Reshape {
      guard let spread = producer(node.inputs[0]), spread.op is Tile || spread.op is Expand,
        let apart = producer(spread.inputs[0]), apart.op is Reshape
      else { continue }
      let (before, after) = (values[spread.inputs[0]].shape.dims, values[node.inputs[0]].shape.dims)
      guard before.count == after.count else { continue }
      let axes = before.indices.filter { before[$0] != after[$0] }
      guard axes.count == 1, axes[0] > 0, before[axes[0]] == 1 else { continue }
      let (axis, repeats) = (axes[0] - 1, after[axes[0]])
      var (dims, repeated) = (before, before)
      dims.remove(at: axis + 1)
      repeated.remove(at: axis + 1)
      repeated[axis] *= repeats
      guard values[apart.inputs[0]].shape == Shape(dims), values[node.outputs[0]].shape == Shape(repeated) else {
        continue
      }
      let indices = (0..<repeated[axis]).map { $0 / repeats }
      graph.nodes[index] = Node(
        name: node.name, op: Gather(axis: axis, indices: indices, indexShape: [indices.count]),
        inputs: [apart.inputs[0]], outputs: node.outputs)
    }
    return graph.withoutUnusedNodes()
  }
}
