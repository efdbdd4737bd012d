internal import NetworkGraph
internal import Tensors

/// Groups that lie side by side: an entry is a row of `inner` neighbouring elements, one of each group, as instance
/// normalisation of channels-last rows has them.
///
/// Rows are walked one by one with float64 sums for every group: the chains of neighbouring groups fill the lanes.
extension CompiledNormalization {
  /// What is known of a block of groups, one number each.
  struct ColumnStatistics {
    let means, variances: UnsafeMutablePointer<Double>
    /// `1 / sqrt(variance + epsilon)`
    let factors: UnsafeMutablePointer<Double>
  }

  private var inner: Int { geometry.inner }
  private var count: Double { Double(geometry.entries.count) }

  func forwardColumns(_ call: ForwardCall) {
    withColumns(sums: 0) { statistics, _ in
      for group in geometry.groups {
        let (x, y) = (call.inputs[0].base + group, call.outputs[0].base + group)
        measure(x, statistics)
        let (means, factors) = (statistics.means, statistics.factors)
        for (k, entry) in geometry.entries.enumerated() {
          let (x, y) = (x + entry, y + entry)
          let (scale, shift) = (Double(scale.pointer[k]), Double(shift.pointer[k]))
          for i in 0..<inner { y[i] = Float((Double(x[i]) - means[i]) * factors[i] * scale + shift) }
        }
      }
    }
  }

  func backwardColumns(_ call: BackwardCall, into target: GradientTarget) {
    withColumns(sums: 2) { statistics, sums in
      let (means, factors) = (statistics.means, statistics.factors)
      let (plain, along) = (sums, sums + inner)
      for group in geometry.groups {
        let (x, dy) = (call.inputs[0].base + group, call.outputGradients[0].base + group)
        measure(x, statistics)
        sums.update(repeating: 0, count: 2 * inner)
        for (k, entry) in geometry.entries.enumerated() {
          let (x, dy, scale) = (x + entry, dy + entry, Double(scale.pointer[k]))
          for i in 0..<inner {
            let g = Double(dy[i]) * scale
            plain[i] += g
            along[i] += g * (Double(x[i]) - means[i]) * factors[i]
          }
        }
        for i in 0..<2 * inner { sums[i] /= count }
        for (k, entry) in geometry.entries.enumerated() {
          let (x, dy, scale) = (x + entry, dy + entry, Double(scale.pointer[k]))
          let dx = target.view.base + group + entry
          for i in 0..<inner {
            let n = (Double(x[i]) - means[i]) * factors[i]
            let value = Float(factors[i] * (Double(dy[i]) * scale - plain[i] - n * along[i]))
            dx[i] = target.adds ? dx[i] + value : value
          }
        }
      }
    }
  }

  /// Means and variances of the groups that start at `x`, in two passes.
  private func measure(_ x: UnsafePointer<Float>, _ statistics: ColumnStatistics) {
    let (means, variances) = (statistics.means, statistics.variances)
    means.update(repeating: 0, count: inner)
    variances.update(repeating: 0, count: inner)
    for entry in geometry.entries {
      let x = x + entry
      for i in 0..<inner { means[i] += Double(x[i]) }
    }
    for i in 0..<inner { means[i] /= count }
    for entry in geometry.entries {
      let x = x + entry
      for i in 0..<inner {
        let difference = Double(x[i]) - means[i]
        variances[i] += difference * difference
      }
    }
    for i in 0..<inner {
      variances[i] /= count
      statistics.factors[i] = 1 / (variances[i] + epsilon).squareRoot()
    }
  }

  /// - Parameter sums: how many more numbers a group `body` wants.
  private func withColumns(sums: Int, _ body: (ColumnStatistics, UnsafeMutablePointer<Double>) -> Void) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: (3 + sums) * inner + 1) { room in
      let first = room.baseAddress!
      body(ColumnStatistics(means: first, variances: first + inner, factors: first + 2 * inner), first + 3 * inner)
    }
  }
}

/// Differences of every element, from changes of some entries.
extension CompiledNormalization {
  func hasColumnRule(_ input: DifferenceLayout, _ output: DifferenceLayout) -> Bool {
    inner > 1 && output.isWhole && geometry.reads(output) && geometry.reads(input)
  }

  /// With `m` the change of the mean and `c` the centred reference: the new normal value has
  /// `(d - m) * factor' + c * (factor' - factor)` over the old one, all from `d`.
  func columnDifference(_ call: DifferenceCall) {
    let (input, output) = (call.inputs[0]!, call.output)
    withColumns(sums: 4) { statistics, sums in
      let means = statistics.means
      let (moved, squares, factors, gains) = (sums, sums + inner, sums + 2 * inner, sums + 3 * inner)
      for group in geometry.groups {
        let x = call.inputReferences[0].base + group
        measure(x, statistics)
        for edit in 0..<output.edits {
          let (changed, changes) = (geometry.changed(input, edit), geometry.changes(input, edit, from: group))
          sums.update(repeating: 0, count: 2 * inner)
          for k in changed {
            let (x, d) = (x + geometry.entries[k], changes + geometry.entries[k])
            for i in 0..<inner {
              let change = Double(d[i])
              moved[i] += change
              squares[i] += change * (2 * (Double(x[i]) - means[i]) + change)
            }
          }
          for i in 0..<inner {
            moved[i] /= count
            let gained = squares[i] / count - moved[i] * moved[i]
            (factors[i], gains[i]) = newFactor(statistics, i, gained) {
              // Most of the variance goes: what is left is computed by itself.
              var left = 0.0
              for (k, entry) in geometry.entries.enumerated() {
                let d = changed.contains(k) ? Double(changes[geometry.entries[k] + i]) : 0
                let centred = (Double(x[entry + i]) - means[i]) + (d - moved[i])
                left += centred * centred
              }
              return left / count
            }
          }
          for (k, entry) in geometry.entries.enumerated() {
            let (x, y, scale) = (x + entry, output.rows(of: edit) + group + entry, Double(scale.pointer[k]))
            if changed.contains(k) {
              let d = changes + geometry.entries[k]
              for i in 0..<inner {
                let own = (Double(d[i]) - moved[i]) * factors[i]
                y[i] = Float((own + (Double(x[i]) - means[i]) * gains[i]) * scale)
              }
            } else {
              for i in 0..<inner {
                y[i] = Float(((Double(x[i]) - means[i]) * gains[i] - moved[i] * factors[i]) * scale)
              }
            }
          }
        }
      }
    }
  }

  /// The factor of a group whose variance gains `gained`, and what it has over the old one.
  @inline(__always)
  private func newFactor(
    _ statistics: ColumnStatistics, _ i: Int, _ gained: Double, left: () -> Double
  ) -> (factor: Double, gain: Double) {
    let old = statistics.variances[i] + epsilon
    var (new, lost) = (old + gained, -gained)
    if !(new > 0.5 * old) {
      new = left() + epsilon
      lost = old - new
    }
    let factor = 1 / new.squareRoot()
    // 1 / sqrt(v') - 1 / sqrt(v) = (v - v') / (sqrt(v) sqrt(v') (sqrt(v) + sqrt(v')))
    return (factor, lost * statistics.factors[i] * factor / (old.squareRoot() + new.squareRoot()))
  }
}
