internal import Kernels
internal import Tensors

/// `c' = f * c + i * g`, `h' = o * tanh(c')` with gates `i, o, f` through sigmoid and `g` through tanh.
///
/// Trace: the four sums, the four values, `c'` and `tanh(c')`.
struct LSTMCell: RecurrentCell {
  let units: Int
  private let weights, transposedWeights: PackedWeights

  init(units: Int, direction: Recurrence.Direction) {
    self.units = units
    weights = packed(direction.recurrence, rows: 0..<4 * units)
    transposedWeights = packed(direction.recurrence, rows: 0..<4 * units, transposed: true)
  }

  var gateCount: Int { 4 * units }
  var traceCount: Int { 10 * units }
  var cellOffset: Int? { 8 * units }
  var scratchCount: Int { 5 * units }
  var multiplyAdds: Int { 4 * units * units }

  func fireGates(trace: FloatRows, hidden: FloatRows, rows: Int, scratch: UnsafeMutablePointer<Float>, precisely: Bool)
  {
    let product = FloatRows(base: scratch, stride: gateCount)
    KernelSet.best.product(hidden, weights, into: product, rows: rows, precisely: precisely)
    for row in 0..<rows {
      let (sums, values) = (trace[row], trace[row] + gateCount)
      KernelSet.best.add(sums, product[row], into: sums, count: gateCount)
      KernelSet.best.apply(.sigmoid, sums, into: values, count: 3 * units)
      KernelSet.best.apply(.tanh, sums + 3 * units, into: values + 3 * units, count: units)
    }
  }

  func advance(
    trace: UnsafeMutablePointer<Float>, hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>,
    into next: UnsafeMutablePointer<Float>
  ) {
    let (input, output, forget, candidate) = gates(trace)
    let (state, squashed) = (trace + 8 * units, trace + 9 * units)
    for u in 0..<units { state[u] = forget[u] * cell[u] + input[u] * candidate[u] }
    KernelSet.best.apply(.tanh, state, into: squashed, count: units)
    for u in 0..<units { next[u] = output[u] * squashed[u] }
  }

  func backward(
    trace: FloatRows, hidden: FloatRows, cell: FloatRows, hiddenGradient: FloatRows, cellGradient: FloatRows,
    into sums: FloatRows, rows: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let (input, output, forget, candidate) = gates(trace[row])
      let (state, squashed) = (trace[row] + 8 * units, trace[row] + 9 * units)
      let (dh, dc, before) = (hiddenGradient[row], cellGradient[row], cell[row])
      // Gradients of the gates' values, in their order, then that of tanh(c').
      let (values, ofSquashed) = (scratch, scratch + gateCount)
      for u in 0..<units {
        values[units + u] = dh[u] * squashed[u]
        ofSquashed[u] = dh[u] * output[u]
      }
      KernelSet.best.applyGradient(.tanh, state, ofSquashed, into: dc, count: units, adds: true)
      for u in 0..<units {
        values[u] = dc[u] * candidate[u]
        values[2 * units + u] = dc[u] * before[u]
        values[3 * units + u] = dc[u] * input[u]
        dc[u] *= forget[u]
      }
      KernelSet.best.applyGradient(.sigmoid, trace[row], values, into: sums[row], count: 3 * units, adds: false)
      KernelSet.best.applyGradient(
        .tanh, trace[row] + 3 * units, values + 3 * units, into: sums[row] + 3 * units, count: units, adds: false)
    }
    KernelSet.best.product(sums, transposedWeights, into: hiddenGradient, rows: rows)
  }

  var sidesCount: Int { 10 * units }

  func fillSides(trace: UnsafePointer<Float>, into sides: UnsafeMutablePointer<Float>) {
    let (candidate, state) = (trace + 3 * units, trace + 8 * units)
    sides.update(from: trace, count: 3 * units)
    KernelSet.best.add(candidate, candidate, into: sides + 3 * units, count: units)
    KernelSet.best.add(state, state, into: sides + 4 * units, count: units)
    KernelSet.best.fillSides(sides, count: 5 * units)
  }

  func difference(_ step: RecurrentStep, scratch: UnsafeMutablePointer<Float>) {
    KernelSet.best.multiply(step.hiddenChange, weights, into: step.product, rows: step.rows)
    KernelSet.best.lstmDifference(step)
  }

  /// Values of the gates `i, o, f, g` in a trace.
  private func gates(_ trace: UnsafeMutablePointer<Float>) -> (
    input: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, forget: UnsafeMutablePointer<Float>,
    candidate: UnsafeMutablePointer<Float>
  ) {
    (trace + 4 * units, trace + 5 * units, trace + 6 * units, trace + 7 * units)
  }
}
