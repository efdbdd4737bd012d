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

  /// The traces of every direction.
  var differenceStateCount: Int { stateOffset(directions.count) }
  var differenceScratchCount: Int { directions.map { length * $0.cell.scratchCount }.max() ?? 0 }

  private func stateOffset(_ number: Int) -> Int {
    directions[..<number].reduce(0) { $0 + length * $1.cell.traceCount }
  }

  func prepareDifferences(
    inputs: [TensorView], output: TensorView, state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    for (number, direction) in directions.enumerated() {
      let hidden = UnsafeMutablePointer(mutating: output.base) + number * values
      fillTraces(
        direction, inputs[0].base, hidden: hidden,
        FloatRows(base: state + stateOffset(number), stride: direction.cell.traceCount), scratch: scratch,
        precisely: true)
    }
  }

  func difference(_ call: DifferenceCall) {
    let (input, output) = (call.inputs[0]!, call.output)
    output.base.update(repeating: 0, count: output.edits * output.layout.count)
    guard let changed = changedPositions(input) else { return }
    for number in directions.indices { difference(call, number, changed) }
  }

  /// Half the steps on average follow the change.
  func differenceMultiplyAdds(inputs layouts: [DifferenceLayout?], output: DifferenceLayout) -> Int {
    let window = min(length, layouts[0]!.window == nil ? length : layouts[0]!.width)
    return directions.reduce(0) { sum, direction in
      sum + window * direction.weights.inputs * direction.weights.outputs
        + (length + window) / 2 * direction.cell.multiplyAdds
    }
  }

  private func difference(_ call: DifferenceCall, _ number: Int, _ changed: ClosedRange<Int>) {
    let (input, output) = (call.inputs[0]!, call.output)
    let (direction, edits) = (directions[number], output.edits)
    let cell = direction.cell
    let counts = [
      edits * cell.gateCount, edits * inputs, edits * units, edits * units, edits * cell.scratchCount,
    ]
    let memory = FloatScratch(count: counts.reduce(0, +))
    let parts = counts.indices.map { memory.pointer + counts[..<$0].reduce(0, +) }
    let traces = FloatRows(
      base: UnsafeMutablePointer(mutating: call.state) + stateOffset(number), stride: cell.traceCount)
    let sums = FloatRows(base: parts[0], stride: cell.gateCount)
    let column = FloatRows(base: parts[1], stride: inputs)
    // Zero at first, as new scratch is: no state has changed yet.
    let unchanged = FloatRows(base: parts[2], stride: units)
    let cellChange = FloatRows(base: parts[3], stride: units)
    let scratch = parts[4]
    let hidden = UnsafeMutablePointer(mutating: call.outputReference.base) + number * values

    let first = direction.isReversed ? length - 1 - changed.upperBound : changed.lowerBound
    for step in first..<length {
      let t = position(of: step, direction)
      if changed.contains(t) {
        for edit in 0..<edits { copyChange(input, edit, t, into: column[edit]) }
        KernelSet.best.contract(
          UnsafePointer(column.base), rowStride: inputs, tapStride: 0, direction.weights, taps: 0..<1,
          inputs: 0..<inputs, into: sums.base, yStride: sums.stride, rows: edits)
      } else {
        sums.base.update(repeating: 0, count: edits * cell.gateCount)
      }
      func rows(at position: Int) -> FloatRows {
        FloatRows(base: output.base + position * rowSize + number * values, stride: output.layout.count)
      }
      let next = rows(at: t)
      cell.difference(
        trace: traces[t], hidden: hiddenStates(before: step, direction, outputs: hidden).base,
        cell: cellStates(before: step, direction, traces).base, sums: sums,
        hiddenChange: step == first ? unchanged : rows(at: self.position(of: step - 1, direction)),
        cellChange: cellChange, into: next, rows: edits, scratch: scratch)
      if givesCells {
        for edit in 0..<edits { (next[edit] + units).update(from: cellChange[edit], count: units) }
      }
    }
    _ = consume memory
  }

  /// From the first to the last position that any edit changes.
  private func changedPositions(_ block: DifferenceBlock) -> ClosedRange<Int>? {
    var (first, last) = (length, -1)
    for edit in 0..<block.edits {
      let start = startRow(block, edit)
      let rows = block.rows(of: edit)
      for row in insideRows(block, edit) {
        let change = UnsafeBufferPointer(start: rows + row * inputs, count: inputs)
        guard change.contains(where: { $0 != 0 }) else { continue }
        (first, last) = (min(first, start + row), max(last, start + row))
      }
    }
    return first <= last ? first...last : nil
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
