internal import NetworkGraph
internal import Tensors

extension Session {
  /// Runs the network on windows of a stretch, whose shared rows are copied instead of computed. The same bits as
  /// ``forward(_:)`` gives.
  /// - Parameter offsets: where in the stretch each sequence of the batch starts, as many steps of its trunk after each
  ///   other as may be; those of the batch beyond them keep what they held.
  public mutating func forward(sharing stretch: TrunkStretch, at offsets: [Int]) {
    let trunk = stretch.trunk
    precondition(offsets.count <= program.graph.batch && trunk.purpose == purpose)
    precondition(offsets.allSatisfy { $0 >= 0 && $0 + program.graph.length <= stretch.count })
    for (sequence, offset) in offsets.enumerated() { copyRows(0, stretch, offset, sequence) }
    var shared = trunk.steps[...]
    for (index, step) in program.steps.enumerated() {
      guard let own = shared.first, own.index == index else {
        if !step.op.aliasesInput { run(index) }
        continue
      }
      shared = shared.dropFirst()
      for (sequence, offset) in offsets.enumerated() {
        copyRows(own.output, stretch, offset, sequence)
        computeOwnRows(own, trunk, sequence)
      }
    }
  }

  private func copyRows(_ value: Int, _ stretch: TrunkStretch, _ offset: Int, _ sequence: Int) {
    let described = stretch.trunk.values[value]
    guard !described.copied.isEmpty else { return }
    let first = stretch.firstCleanRow(of: value, at: offset)
    let base = memory(of: described.id) + sequence * described.rows * described.channels
    for rows in described.copied {
      (base + rows.lowerBound * described.channels).update(
        from: first + (rows.lowerBound - described.clean.lowerBound) * described.channels,
        count: rows.count * described.channels)
    }
  }

  /// The rows of one sequence within reach of its ends.
  private func computeOwnRows(_ step: SharedTrunk.Step, _ trunk: SharedTrunk, _ sequence: Int) {
    let value = trunk.values[step.output]
    guard !value.own.isEmpty else { return }
    let inputs = zip(step.inputs, program.steps[step.index].inputs).map { input, id -> RowsCall.Input in
      guard let input else { return RowsCall.Input(rows: 0..<0, base: view(of: id).base) }
      let described = trunk.values[input]
      return RowsCall.Input(
        rows: 0..<described.rows, base: view(of: id).base + sequence * described.rows * described.channels)
    }
    let base = memory(of: value.id) + sequence * value.rows * value.channels
    for rows in value.own {
      step.op.forward(
        RowsCall(
          inputs: inputs, rows: rows, channels: value.channels, output: base + rows.lowerBound * value.channels,
          precisely: purpose == .reference))
    }
  }
}
