internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Changes of the states are carried along the sequence from the first position that an edit changes, all edits of a batch at
/// once: before it nothing changes, and no two nearly equal numbers are ever subtracted.
extension CompiledRecurrence: DifferenceOperator {
  func hasDifferenceRule(inputs layouts: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let input = layouts[0], sequences == 1, length > 0 else { return false }
    let isWhole = input.window == nil && input.count == length * inputs
    return (isWhole || (input.rows == length && input.rowSize == inputs))
      && output.window == nil && output.count == length * rowSize
  }

  /// The traces of every direction, and the sides of their gates.
  var differenceStateCount: Int { stateOffset(directions.count) }
  var differenceScratchCount: Int { directions.map { length * $0.cell.scratchCount }.max() ?? 0 }

  private func stateOffset(_ number: Int) -> Int {
    directions[..<number].reduce(0) { $0 + length * ($1.cell.traceCount + $1.cell.sidesCount) }
  }

  private func state(
    _ number: Int, in base: UnsafeMutablePointer<Float>
  ) -> (traces: FloatRows, sides: FloatRows) {
    let (traces, cell) = (base + stateOffset(number), directions[number].cell)
    return (
      FloatRows(base: traces, stride: cell.traceCount),
      FloatRows(base: traces + length * cell.traceCount, stride: cell.sidesCount)
    )
  }

  func prepareDifferences(
    inputs: [TensorView], output: TensorView, state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    for (number, direction) in directions.enumerated() {
      let hidden = UnsafeMutablePointer(mutating: output.base) + number * values
      let (traces, sides) = self.state(number, in: state)
      fillTraces(direction, inputs[0].base, hidden: hidden, traces, scratch: scratch, precisely: true)
      for t in 0..<length { direction.cell.fillSides(trace: traces[t], into: sides[t]) }
    }
  }

  func difference(_ call: DifferenceCall) {
    let changed = changedPositions(call.inputs[0]!)
    for number in directions.indices { difference(call, number, changed) }
  }

  var timePerDifferenceOperation: Int { 2 }

  /// Half the steps on average follow the change.
  func differenceMultiplyAdds(inputs layouts: [DifferenceLayout?], output: DifferenceLayout) -> Int {
    let window = min(length, layouts[0]!.window == nil ? length : layouts[0]!.width)
    return directions.reduce(0) { sum, direction in
      sum + window * direction.weights.inputs * direction.weights.outputs
        + (length + window) / 2 * direction.cell.multiplyAdds
    }
  }

  private func difference(_ call: DifferenceCall, _ number: Int, _ changed: [Bool]) {
    let (input, output) = (call.inputs[0]!, call.output)
    let (direction, edits) = (directions[number], output.edits)
    let cell = direction.cell
    let counts = [
      edits * cell.gateCount, edits * cell.gateCount, edits * units, edits * units, edits * inputs, edits * units,
    ]
    let memory = FloatScratch(count: counts.reduce(0, +))
    let parts = counts.indices.map { memory.pointer + counts[..<$0].reduce(0, +) }
    let (sums, column) = (parts[0], FloatRows(base: parts[4], stride: inputs))
    let (traces, sides) = state(number, in: UnsafeMutablePointer(mutating: call.state))
    let hidden = UnsafeMutablePointer(mutating: call.outputReference.base) + number * values
    func rows(at position: Int) -> FloatRows {
      FloatRows(base: output.base + position * rowSize + number * values, stride: output.layout.count)
    }

    let first = (0..<length).first { changed[position(of: $0, direction)] } ?? length
    for step in 0..<first {
      let unchanged = rows(at: position(of: step, direction))
      for edit in 0..<edits { unchanged[edit].update(repeating: 0, count: values) }
    }
    for step in first..<length {
      let t = position(of: step, direction)
      if changed[t] {
        for edit in 0..<edits { copyChange(input, edit, t, into: column[edit]) }
        KernelSet.best.contract(
          UnsafePointer(column.base), rowStride: inputs, tapStride: 0, direction.weights, taps: 0..<1,
          inputs: 0..<inputs, into: sums, yStride: cell.gateCount, rows: edits)
      }
      // The states' changes lie side by side (no state has changed at first, and new scratch is zero): those of the output
      // are whole sequences apart, which the caches take badly.
      let next = rows(at: t)
      let (hiddenChange, cellChange) = (parts[2], FloatRows(base: parts[3], stride: units))
      cell.difference(
        RecurrentStep(
          rows: edits, units: units, trace: traces[t], sides: sides[t],
          hidden: hiddenStates(before: step, direction, outputs: hidden).base,
          cell: cellStates(before: step, direction, traces).base, input: changed[t] ? UnsafePointer(sums) : nil,
          product: parts[1], hiddenChange: hiddenChange, cellChange: cellChange.base, y: next.base, yStride: next.stride
        ),
        scratch: parts[5])
      if givesCells {
        for edit in 0..<edits { (next[edit] + units).update(from: cellChange[edit], count: units) }
      }
    }
    _ = consume memory
  }

  /// Whether any edit changes a position.
  private func changedPositions(_ block: DifferenceBlock) -> [Bool] {
    var changed = [Bool](repeating: false, count: length)
    for edit in 0..<block.edits {
      let start = startRow(block, edit)
      let rows = block.rows(of: edit)
      for row in insideRows(block, edit) where !changed[start + row] {
        let change = UnsafeBufferPointer(start: rows + row * inputs, count: inputs)
        changed[start + row] = change.contains { $0 != 0 }
      }
    }
    return changed
  }

  /// The change of one position's inputs, zero where the edit keeps none.
  private func copyChange(
    _ block: DifferenceBlock, _ edit: Int, _ position: Int, into column: UnsafeMutablePointer<Float>
  ) {
    let row = position - startRow(block, edit)
    if insideRows(block, edit).contains(row) {
      column.update(from: block.rows(of: edit) + row * inputs, count: inputs)
    } else {
      column.update(repeating: 0, count: inputs)
    }
  }

  /// Kept rows of an edit as positions; a whole block may be one row of all of them.
  private func insideRows(_ block: DifferenceBlock, _ edit: Int) -> Range<Int> {
    block.layout.window == nil ? 0..<length : block.inside(edit)
  }

  private func startRow(_ block: DifferenceBlock, _ edit: Int) -> Int {
    block.layout.window == nil ? 0 : block.starts[edit]
  }
}
