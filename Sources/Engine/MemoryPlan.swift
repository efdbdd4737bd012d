internal import NetworkGraph
internal import Tensors

/// Where every activation and gradient of a session lies in one block of floats.
///
/// Time runs over the forward steps 0..<n and, for gradients, the backward steps n..<2n (step `k` is visited at
/// `2n - 1 - k`). Buffers whose lifetimes do not overlap share memory. Activations of a gradient session live to the end:
/// several gradients may follow one forward pass.
struct MemoryPlan {
  /// Offset of each value's elements; `nil` for constants and values nobody computes. Reshapes share their input's.
  private(set) var activations: [Int?]
  /// Offset of each value's gradient, in gradient sessions.
  private(set) var gradients: [Int?]
  /// Offset of the scratch that operators may overwrite.
  private(set) var scratch = 0
  /// Floats in all.
  private(set) var count = 0

  /// A stretch of floats that must not be shared between `birth` and `death`, both included.
  struct Buffer {
    let value: Graph.ValueID
    let isGradient: Bool
    let count: Int
    var birth: Int
    var death: Int
  }

  init(_ program: Program, purpose: SessionPurpose) {
    let graph = program.graph
    let steps = program.steps
    let end = purpose == .gradient ? 2 * steps.count : steps.count
    var root = Array(graph.values.indices)
    for step in steps where step.op.aliasesInput && program.constants[step.inputs[0]] == nil {
      root[step.outputs[0]] = root[step.inputs[0]]
    }

    var forward: [Graph.ValueID: Buffer] = [:]
    func live(_ value: Graph.ValueID, at time: Int) {
      guard program.constants[value] == nil else { return }
      let key = root[value]
      if forward[key] == nil {
        forward[key] = Buffer(
          value: key, isGradient: false, count: graph.values[key].shape.count, birth: time, death: time)
      }
      forward[key]!.death = max(forward[key]!.death, time)
    }
    live(graph.input, at: 0)
    for (time, step) in steps.enumerated() {
      for value in step.inputs + step.outputs { live(value, at: time) }
    }
    for value in graph.outputs { live(value, at: end) }

    var buffers = Array(forward.values)
    if purpose != .prediction { for index in buffers.indices { buffers[index].death = end } }
    if purpose == .gradient {
      var backward: [Graph.ValueID: Buffer] = [:]
      func needed(_ value: Graph.ValueID, at time: Int) {
        guard graph.values[value].constant == nil else { return }
        if backward[value] == nil {
          backward[value] = Buffer(
            value: value, isGradient: true, count: graph.values[value].shape.count, birth: time, death: time)
        }
        backward[value]!.birth = min(backward[value]!.birth, time)
        backward[value]!.death = max(backward[value]!.death, time)
      }
      for value in graph.outputs { needed(value, at: steps.count) }
      for (index, step) in steps.enumerated() {
        for value in step.inputs + step.outputs { needed(value, at: end - 1 - index) }
      }
      needed(graph.input, at: end)
      buffers += backward.values
    }

    activations = Array(repeating: nil, count: graph.values.count)
    gradients = activations
    let placement = MemoryPlan.place(buffers)
    count = placement.count
    for (buffer, offset) in zip(buffers, placement.offsets) {
      if buffer.isGradient { gradients[buffer.value] = offset } else { activations[buffer.value] = offset }
    }
    for value in graph.values.indices where root[value] != value { activations[value] = activations[root[value]] }
    scratch = count
    count += MemoryPlan.rounded(steps.map(\.op.scratchCount).max() ?? 0)
  }

  /// Largest first, each at the lowest offset where it overlaps nobody alive at the same time.
  static func place(_ buffers: [Buffer]) -> (offsets: [Int], count: Int) {
    var offsets = [Int](repeating: 0, count: buffers.count)
    var placed: [Int] = []
    var total = 0
    let order = buffers.indices.sorted {
      let (a, b) = (buffers[$0], buffers[$1])
      return (b.count, a.birth, a.value, a.isGradient ? 1 : 0) < (a.count, b.birth, b.value, b.isGradient ? 1 : 0)
    }
    for index in order {
      let buffer = buffers[index]
      let size = rounded(buffer.count)
      var offset = 0
      for other in placed.sorted(by: { offsets[$0] < offsets[$1] })
      where buffer.birth <= buffers[other].death && buffers[other].birth <= buffer.death {
        if offset + size <= offsets[other] { break }
        offset = max(offset, offsets[other] + rounded(buffers[other].count))
      }
      placed.append(index)
      offsets[index] = offset
      total = max(total, offset + size)
    }
    return (offsets, total)
  }

  /// Whole cache lines, and one of slack: kernels may read a vector past the end.
  private static func rounded(_ count: Int) -> Int { (count + 31) / 16 * 16 }
}
