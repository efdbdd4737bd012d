internal import NetworkGraph
internal import Tensors

extension Graph {
  /// Pieces of one value joined again along the axis they were cut along, picked in one step: padding in a circle, rolls, and
  /// upsampling as converters from Keras write them.
  func gatheringPieces() -> Graph {
    var graph = self
    let producers = producers
    for (index, node) in nodes.enumerated() {
      guard let concat = node.op as? Concat, node.inputs.count > 1 else { continue }
      let pieces = node.inputs.map { piece($0, along: concat.axis, producers) }
      guard let whole = pieces.first?.value, pieces.allSatisfy({ $0.value == whole }), values[whole].constant == nil
      else { continue }
      let entries = pieces.flatMap(\.entries)
      graph.nodes[index] = Node(
        name: node.name, op: Gather(axis: concat.axis, indices: entries, indexShape: [entries.count]), inputs: [whole],
        outputs: node.outputs)
    }
    return graph.withoutUnusedNodes()
  }

  private struct Piece {
    let value: ValueID
    let entries: [Int]
  }

  /// What a value takes of another one along an axis, all of the other axes; any value is such a piece of itself.
  private func piece(_ value: ValueID, along axis: Int, _ producers: [ValueID: (node: Int, output: Int)]) -> Piece {
    let shape = values[value].shape
    let whole = Piece(value: value, entries: Array(0..<shape[axis]))
    guard let (index, output) = producers[value] else { return whole }
    let node = nodes[index]
    switch node.op {
    case let split as Split where split.axis == axis:
      let start = split.lengths[..<output].reduce(0, +)
      return Piece(value: node.inputs[0], entries: Array(start..<start + split.lengths[output]))
    case let slice as Slice:
      let input = values[node.inputs[0]].shape
      let others = input.dims.indices.filter { $0 != axis }
      guard others.allSatisfy({ slice.cuts[$0] == Slice.Cut(start: 0, count: input[$0]) }) else { return whole }
      return Piece(value: node.inputs[0], entries: slice.cuts[axis].entries)
    default: return whole
    }
  }
}
