internal import Kernels
internal import NetworkGraph
internal import Tensors

/// A recurrent layer with packed weights. Products with the input are taken for all steps at once, those with the state for
/// all sequences of a step.
///
/// Nothing is kept from the forward pass: the backward pass makes the traces again from the inputs and the states, which are
/// the outputs, for all steps at once; the difference rule does so once for each reference.
struct CompiledRecurrence: CompiledOperator {
  struct Direction: Sendable {
    let isReversed: Bool
    let cell: any RecurrentCell
    let weights, transposedWeights: PackedWeights
    /// `[sequences, units]` each.
    let initialHidden, initialCell: AlignedFloats
  }

  let directions: [Direction]
  let sequences, length, inputs, units: Int
  /// Values of a direction and of all directions at a position.
  let values, rowSize: Int
  let givesCells: Bool

  init(_ op: Recurrence, input: Shape, output: Shape) {
    (sequences, length, inputs, units) = (input[0], input[1], input[2], op.units)
    (values, rowSize, givesCells) = (op.values, output[2], op.givesCells)
    let states = sequences * op.units
    directions = op.directions.map { direction in
      let gates = op.cell.gates * op.units
      func initial(_ state: ConstantTensor?) -> AlignedFloats {
        state.map { AlignedFloats($0.floats) } ?? AlignedFloats(count: states)
      }
      let cell: any RecurrentCell =
        switch op.cell {
        case .lstm: LSTMCell(units: op.units, direction: direction)
        case .gru(let resetAfter): GRUCell(units: op.units, resetAfter: resetAfter, direction: direction)
        }
      // Both biases, but for the one that a reset gate multiplies: the cell has it.
      let apart = op.cell == .gru(resetAfter: true) ? 2 * op.units : gates
      let bias = direction.bias?.values
      return Direction(
        isReversed: direction.isReversed, cell: cell,
        weights: packed(
          direction.weight, rows: 0..<gates,
          bias: bias.map { bias in (0..<gates).map { Float(bias[$0] + ($0 < apart ? bias[gates + $0] : 0)) } }),
        transposedWeights: packed(direction.weight, rows: 0..<gates, transposed: true),
        initialHidden: initial(direction.initialHidden), initialCell: initial(direction.initialCell))
    }
  }

  /// Step by step, with functions between.
  var timePerOperation: Int { 3 }
  var multiplyAdds: Int {
    sequences * length * directions.reduce(0) { $0 + $1.weights.inputs * $1.weights.outputs + $1.cell.multiplyAdds }
  }

  /// Traces and gradients of the gates of every step, scratch of a cell, and two states of each sequence.
  var scratchCount: Int {
    directions.map { direction in
      let cell = direction.cell
      return sequences * length * (cell.traceCount + cell.gateCount) + max(sequences, length) * cell.scratchCount
        + 2 * sequences * units
    }.max()!
  }

  func forward(_ call: ForwardCall) { run(call, precisely: false) }
  func forwardPrecisely(_ call: ForwardCall) { run(call, precisely: true) }

  private func run(_ call: ForwardCall, precisely: Bool) {
    for (number, direction) in directions.enumerated() {
      let cell = direction.cell
      let traces = FloatRows(base: call.scratch, stride: cell.traceCount)
      let scratch = call.scratch + sequences * length * cell.traceCount
      startTraces(direction, call.inputs[0].base, traces, sequences: sequences, precisely: precisely)
      let hidden = call.outputs[0].base + number * values
      for step in 0..<length {
        let t = position(of: step, direction)
        // Rows of this step lie a sequence apart.
        let trace = FloatRows(base: traces[t], stride: length * cell.traceCount)
        let next = FloatRows(base: hidden + t * rowSize, stride: length * rowSize)
        let before = hiddenStates(before: step, direction, outputs: hidden)
        cell.fireGates(trace: trace, hidden: before, rows: sequences, scratch: scratch, precisely: precisely)
        let cells = cellStates(before: step, direction, traces)
        for n in 0..<sequences {
          cell.advance(trace: trace[n], hidden: before[n], cell: cells[n], into: next[n])
          guard givesCells, let offset = cell.cellOffset else { continue }
          (next[n] + units).update(from: trace[n] + offset, count: units)
        }
      }
    }
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    for (number, direction) in directions.enumerated() {
      let cell = direction.cell
      let rows = sequences * length
      let traces = FloatRows(base: call.scratch, stride: cell.traceCount)
      let sums = FloatRows(base: call.scratch + rows * cell.traceCount, stride: cell.gateCount)
      let states = sums.base + rows * cell.gateCount
      let hiddenGradient = FloatRows(base: states, stride: units)
      let cellGradient = FloatRows(base: states + sequences * units, stride: units)
      let scratch = states + 2 * sequences * units
      let hidden = UnsafeMutablePointer(mutating: call.outputs[0].base) + number * values
      fillTraces(direction, call.inputs[0].base, hidden: hidden, traces, scratch: scratch, precisely: false)

      states.update(repeating: 0, count: 2 * sequences * units)
      let outputGradient = call.outputGradients[0].base + number * values
      for step in (0..<length).reversed() {
        let t = position(of: step, direction)
        for n in 0..<sequences {
          let dy = outputGradient + (n * length + t) * rowSize
          KernelSet.best.add(hiddenGradient[n], dy, into: hiddenGradient[n], count: units)
          if givesCells { KernelSet.best.add(cellGradient[n], dy + units, into: cellGradient[n], count: units) }
        }
        cell.backward(
          trace: FloatRows(base: traces[t], stride: length * cell.traceCount),
          hidden: hiddenStates(before: step, direction, outputs: hidden),
          cell: cellStates(before: step, direction, traces), hiddenGradient: hiddenGradient,
          cellGradient: cellGradient, into: FloatRows(base: sums[t], stride: length * cell.gateCount), rows: sequences,
          scratch: scratch)
      }
      KernelSet.best.multiply(
        sums.base, direction.transposedWeights, into: target.view.base, rows: rows, adds: target.adds || number > 0)
    }
  }

  // MARK: Parts that the difference rule takes too

  /// The position that a direction reads at a step.
  func position(of step: Int, _ direction: Direction) -> Int { direction.isReversed ? length - 1 - step : step }

  /// The input's part of the gates' sums, for every step.
  private func startTraces(
    _ direction: Direction, _ x: UnsafePointer<Float>, _ traces: FloatRows, sequences: Int, precisely: Bool
  ) {
    let input = FloatRows(base: UnsafeMutablePointer(mutating: x), stride: inputs)
    KernelSet.best.product(input, direction.weights, into: traces, rows: sequences * length, precisely: precisely)
  }

  /// Every trace, from states that are known.
  func fillTraces(
    _ direction: Direction, _ x: UnsafePointer<Float>, hidden: UnsafeMutablePointer<Float>, _ traces: FloatRows,
    scratch: UnsafeMutablePointer<Float>, precisely: Bool
  ) {
    guard length > 0 else { return }
    let cell = direction.cell
    startTraces(direction, x, traces, sequences: sequences, precisely: precisely)
    let first = position(of: 0, direction)
    cell.fireGates(
      trace: FloatRows(base: traces[first], stride: length * cell.traceCount),
      hidden: hiddenStates(before: 0, direction, outputs: hidden), rows: sequences, scratch: scratch,
      precisely: precisely)
    for n in 0..<sequences {
      // All other steps of a sequence: their rows and those of the states before them lie side by side.
      let start = n * length
      cell.fireGates(
        trace: traces.from(start + (direction.isReversed ? 0 : 1)),
        hidden: FloatRows(base: hidden + (start + (direction.isReversed ? 1 : 0)) * rowSize, stride: rowSize),
        rows: length - 1, scratch: scratch, precisely: precisely)
    }
    guard cell.cellOffset != nil else { return }
    for step in 0..<length {
      let trace = FloatRows(base: traces[position(of: step, direction)], stride: length * cell.traceCount)
      let (before, cells) = (
        hiddenStates(before: step, direction, outputs: hidden), cellStates(before: step, direction, traces)
      )
      // The hidden state is known: what is made of it again goes nowhere.
      for n in 0..<sequences { cell.advance(trace: trace[n], hidden: before[n], cell: cells[n], into: scratch) }
    }
  }

  /// Hidden states of every sequence before a step, among the outputs after the first.
  func hiddenStates(
    before step: Int, _ direction: Direction, outputs: UnsafeMutablePointer<Float>
  ) -> FloatRows {
    guard step > 0 else {
      return FloatRows(base: UnsafeMutablePointer(mutating: direction.initialHidden.pointer), stride: units)
    }
    return FloatRows(
      base: outputs + position(of: step - 1, direction) * rowSize, stride: length * rowSize)
  }

  /// Cell states of every sequence before a step, in the traces after the first.
  func cellStates(before step: Int, _ direction: Direction, _ traces: FloatRows) -> FloatRows {
    guard step > 0, let offset = direction.cell.cellOffset else {
      return FloatRows(base: UnsafeMutablePointer(mutating: direction.initialCell.pointer), stride: units)
    }
    return FloatRows(
      base: traces[position(of: step - 1, direction)] + offset, stride: length * direction.cell.traceCount)
  }
}
