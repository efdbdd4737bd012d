internal import Glibc
internal import Kernels
internal import NetworkGraph
internal import Tensors

/// A reduction over groups of rows, accumulated in float64.
struct CompiledReduce: CompiledOperator {
  let function: ReduceFunction
  let geometry: ReductionGeometry

  var multiplyAdds: Int { geometry.groups.count * geometry.entries.count * geometry.inner }
  var roundsOnce: Bool { true }
  /// The C library's exponential is not vectorised.
  var timePerOperation: Int { function == .logSumExp ? 600 : 16 }

  func forward(_ call: ForwardCall) {
    let (x, y) = (call.inputs[0].base, call.outputs[0].base)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: geometry.inner) { sums in
      for (group, start) in geometry.groups.enumerated() {
        let row = UnsafeMutableBufferPointer(start: y + group * geometry.inner, count: geometry.inner)
        switch function {
        case .max: extreme(x + start, into: row) { $0 > $1 }
        case .min: extreme(x + start, into: row) { $0 < $1 }
        case .mean, .sum:
          // One chain would wait for itself at every element.
          if geometry.isContiguous {
            sums[0] = KernelSet.best.sum(x + start, count: geometry.entries.count)
          } else {
            accumulate(x + start, into: sums, from: 0) { $0 + $1 }
          }
        case .product: accumulate(x + start, into: sums, from: 1) { $0 * $1 }
        case .l1: accumulate(x + start, into: sums, from: 0) { $0 + abs($1) }
        case .l2, .sumSquare: accumulate(x + start, into: sums, from: 0) { $0 + $1 * $1 }
        case .logSumExp:
          extreme(x + start, into: row) { $0 > $1 }
          logSumExp(x + start, sums: sums, row: row)
          continue
        }
        switch function {
        case .max, .min, .logSumExp: break
        case .mean: for i in 0..<row.count { row[i] = Float(sums[i] / Double(geometry.entries.count)) }
        case .l2: for i in 0..<row.count { row[i] = Float(sums[i].squareRoot()) }
        case .sum, .product, .l1, .sumSquare: for i in 0..<row.count { row[i] = Float(sums[i]) }
        }
      }
    }
  }

  @inline(__always)
  private func accumulate(
    _ x: UnsafePointer<Float>, into sums: UnsafeMutableBufferPointer<Double>, from start: Double,
    _ next: (Double, Double) -> Double
  ) {
    sums.update(repeating: start)
    for entry in geometry.entries {
      let row = UnsafeBufferPointer(start: x + entry, count: sums.count)
      for i in 0..<sums.count { sums[i] = next(sums[i], Double(row[i])) }
    }
  }

  @inline(__always)
  private func extreme(
    _ x: UnsafePointer<Float>, into best: UnsafeMutableBufferPointer<Float>, _ wins: (Float, Float) -> Bool
  ) {
    _ = best.update(from: UnsafeBufferPointer(start: x + geometry.entries[0], count: best.count))
    for entry in geometry.entries.dropFirst() {
      let row = UnsafeBufferPointer(start: x + entry, count: best.count)
      for i in 0..<best.count where wins(row[i], best[i]) || row[i].isNaN { best[i] = row[i] }
    }
  }

  /// `row` holds the maxima and becomes the result.
  private func logSumExp(
    _ x: UnsafePointer<Float>, sums: UnsafeMutableBufferPointer<Double>, row: UnsafeMutableBufferPointer<Float>
  ) {
    sums.update(repeating: 0)
    for entry in geometry.entries {
      for i in 0..<row.count { sums[i] += exp(Double(x[entry + i]) - Double(row[i])) }
    }
    for i in 0..<row.count where row[i].isFinite { row[i] = Float(Double(row[i]) + log(sums[i])) }
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let (x, y, dy) = (call.inputs[0].base, call.outputs[0].base, call.outputGradients[0].base)
    if function == .mean || function == .sum { return spread(dy, over: target) }
    for (group, start) in geometry.groups.enumerated() {
      let first = group * geometry.inner
      for i in 0..<geometry.inner {
        let (y, dy) = (y[first + i], dy[first + i])
        switch function {
        case .max, .min:
          let winner = geometry.entries.firstIndex { x[start + $0 + i] == y }
          for (entry, offset) in geometry.entries.enumerated() {
            target.put(start + offset + i, entry == winner ? dy : 0)
          }
        case .product: productGradient(x + start + i, dy, target, at: start + i)
        case .mean, .sum: break
        case .l1: each(start + i) { target.put($0, x[$0] > 0 ? dy : x[$0] < 0 ? -dy : 0) }
        case .l2: each(start + i) { target.put($0, y == 0 ? 0 : dy * x[$0] / y) }
        case .sumSquare: each(start + i) { target.put($0, 2 * dy * x[$0]) }
        case .logSumExp: each(start + i) { target.put($0, dy * Float(exp(Double(x[$0]) - Double(y)))) }
        }
      }
    }
  }

  /// The gradient of a sum or mean: the same for all elements of a reduction.
  private func spread(_ dy: UnsafePointer<Float>, over target: GradientTarget) {
    let divisor = function == .mean ? Float(geometry.entries.count) : 1
    for (group, start) in geometry.groups.enumerated() {
      let (dx, dy) = (target.view.base + start, dy + group * geometry.inner)
      if geometry.isContiguous {
        let share = dy[0] / divisor
        if target.adds {
          for i in 0..<geometry.entries.count { dx[i] += share }
        } else {
          dx.update(repeating: share, count: geometry.entries.count)
        }
        continue
      }
      for entry in geometry.entries {
        let row = UnsafeMutableBufferPointer(start: dx + entry, count: geometry.inner)
        if target.adds {
          for i in 0..<row.count { row[i] += dy[i] / divisor }
        } else {
          for i in 0..<row.count { row[i] = dy[i] / divisor }
        }
      }
    }
  }

  /// Calls `body` with the offset of every element of one reduction.
  @inline(__always)
  private func each(_ start: Int, _ body: (Int) -> Void) { for entry in geometry.entries { body(start + entry) } }

  /// Each factor's gradient is the product of all others: with zeros among them a quotient would not do.
  private func productGradient(_ x: UnsafePointer<Float>, _ dy: Float, _ target: GradientTarget, at start: Int) {
    let zeros = geometry.entries.count { x[$0] == 0 }
    var others = 1.0
    for entry in geometry.entries where x[entry] != 0 { others *= Double(x[entry]) }
    for entry in geometry.entries {
      let product = zeros == 0 ? others / Double(x[entry]) : zeros == 1 && x[entry] == 0 ? others : 0
      target.put(start + entry, dy * Float(product))
    }
  }
}
