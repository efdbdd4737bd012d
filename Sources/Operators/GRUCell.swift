internal import Kernels
internal import Tensors

/// `h' = n + z * (h - n)` with gates `z, r` through sigmoid and `n` through tanh.
///
/// The sum of `n` takes `r * (R h + b)` when `resetAfter`, and `R (r * h) + b` otherwise. Trace: the three sums, the three
/// values, and the factor of `r` or the product with it that `R` takes.
struct GRUCell: RecurrentCell {
  let units: Int
  let resetAfter: Bool
  /// Of all three gates when `resetAfter`, of `z` and `r` otherwise.
  private let weights, transposedWeights: PackedWeights
  /// Of `n`, when it takes a product of its own.
  private let candidateWeights, transposedCandidateWeights: PackedWeights

  init(units: Int, resetAfter: Bool, direction: Recurrence.Direction) {
    self.units = units
    self.resetAfter = resetAfter
    let rows = 0..<(resetAfter ? 3 : 2) * units
    // The biases of z and r are among those of the input's part.
    let own = resetAfter ? direction.bias?.floats[(5 * units)...] : nil
    let bias = own.map { [Float](repeating: 0, count: 2 * units) + $0 }
    weights = packed(direction.recurrence, rows: rows, bias: bias)
    transposedWeights = packed(direction.recurrence, rows: rows, transposed: true)
    candidateWeights = packed(direction.recurrence, rows: 2 * units..<3 * units)
    transposedCandidateWeights = packed(direction.recurrence, rows: 2 * units..<3 * units, transposed: true)
  }

  var gateCount: Int { 3 * units }
  var traceCount: Int { 7 * units }
  var cellOffset: Int? { nil }
  var scratchCount: Int { 5 * units }
  var multiplyAdds: Int { 3 * units * units }

  func fireGates(trace: FloatRows, hidden: FloatRows, rows: Int, scratch: UnsafeMutablePointer<Float>, precisely: Bool)
  {
    let product = FloatRows(base: scratch, stride: weights.outputs)
    KernelSet.best.product(hidden, weights, into: product, rows: rows, precisely: precisely)
    for row in 0..<rows {
      let (sums, values, kept) = (trace[row], trace[row] + gateCount, trace[row] + 6 * units)
      KernelSet.best.add(sums, product[row], into: sums, count: 2 * units)
      KernelSet.best.apply(.sigmoid, sums, into: values, count: 2 * units)
      let reset = values + units
      if resetAfter {
        for u in 0..<units {
          kept[u] = product[row][2 * units + u]
          sums[2 * units + u] += reset[u] * kept[u]
        }
      } else {
        for u in 0..<units { kept[u] = reset[u] * hidden[row][u] }
      }
    }
    let candidates = FloatRows(base: trace.base + 2 * units, stride: trace.stride)
    if !resetAfter {
      let kept = FloatRows(base: trace.base + 6 * units, stride: trace.stride)
      let product = FloatRows(base: scratch, stride: units)
      KernelSet.best.product(kept, candidateWeights, into: product, rows: rows, precisely: precisely)
      KernelSet.best.add(product, to: candidates, rows: rows, count: units)
    }
    for row in 0..<rows {
      KernelSet.best.apply(.tanh, candidates[row], into: candidates[row] + gateCount, count: units)
    }
  }

  func advance(
    trace: UnsafeMutablePointer<Float>, hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>,
    into next: UnsafeMutablePointer<Float>
  ) {
    let (update, candidate) = (trace + 3 * units, trace + 5 * units)
    for u in 0..<units { next[u] = candidate[u] + update[u] * (hidden[u] - candidate[u]) }
  }

  func backward(
    trace: FloatRows, hidden: FloatRows, cell: FloatRows, hiddenGradient: FloatRows, cellGradient: FloatRows,
    into sums: FloatRows, rows: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    // What reaches the old state without a product, and the gradients of what the recurrent weights gave or took.
    let carried = FloatRows(base: scratch, stride: units)
    let recurrent = FloatRows(base: scratch + rows * units, stride: 3 * units)
    for row in 0..<rows {
      let (update, candidate) = (trace[row] + 3 * units, trace[row] + 5 * units)
      let (dh, h, values) = (hiddenGradient[row], hidden[row], recurrent[row])
      for u in 0..<units {
        values[u] = dh[u] * (h[u] - candidate[u])
        values[2 * units + u] = dh[u] * (1 - update[u])
        carried[row][u] = dh[u] * update[u]
      }
      KernelSet.best.applyGradient(
        .tanh, trace[row] + 2 * units, values + 2 * units, into: sums[row] + 2 * units, count: units, adds: false)
    }
    if !resetAfter {
      // The gradient of r * h, into the old state's own memory: dh has been read.
      let candidates = FloatRows(base: sums.base + 2 * units, stride: sums.stride)
      KernelSet.best.product(candidates, transposedCandidateWeights, into: hiddenGradient, rows: rows)
    }
    for row in 0..<rows {
      let (reset, kept) = (trace[row] + 4 * units, trace[row] + 6 * units)
      let (d, h, values) = (sums[row], hidden[row], recurrent[row])
      for u in 0..<units {
        let ofCut = hiddenGradient[row][u]
        values[units + u] = resetAfter ? d[2 * units + u] * kept[u] : ofCut * h[u]
        if !resetAfter { carried[row][u] += ofCut * reset[u] }
      }
      KernelSet.best.applyGradient(.sigmoid, trace[row], values, into: d, count: 2 * units, adds: false)
      for u in 0..<2 * units { values[u] = d[u] }
      for u in 0..<units { values[2 * units + u] = d[2 * units + u] * reset[u] }
    }
    KernelSet.best.product(recurrent, transposedWeights, into: hiddenGradient, rows: rows)
    KernelSet.best.add(carried, to: hiddenGradient, rows: rows, count: units)
  }

  var sidesCount: Int { 6 * units }

  func fillSides(trace: UnsafePointer<Float>, into sides: UnsafeMutablePointer<Float>) {
    let candidate = trace + 2 * units
    sides.update(from: trace, count: 2 * units)
    KernelSet.best.add(candidate, candidate, into: sides + 2 * units, count: units)
    KernelSet.best.fillSides(sides, count: 3 * units)
  }

  func difference(_ step: RecurrentStep, scratch: UnsafeMutablePointer<Float>) {
    var step = step
    step.resetAfter = resetAfter
    // Without their bias, which does not change.
    KernelSet.best.contract(
      UnsafePointer(step.hiddenChange), rowStride: units, tapStride: 0, weights, taps: 0..<1, inputs: 0..<units,
      into: step.product, yStride: gateCount, rows: step.rows)
    KernelSet.best.gruGatesDifference(step)
    if !resetAfter {
      let cut = FloatRows(base: step.product + 2 * units, stride: gateCount)
      for row in 0..<step.rows { (scratch + row * units).update(from: cut[row], count: units) }
      KernelSet.best.product(
        FloatRows(base: scratch, stride: units), candidateWeights, into: cut, rows: step.rows)
    }
    KernelSet.best.gruDifference(step)
  }
}
