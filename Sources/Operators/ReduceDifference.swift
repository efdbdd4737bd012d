internal import Glibc
internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Differences of a reduction over all rows of a `[1, rows, channels]` value, which is global pooling, over the channels of each
/// row, or over any axes where the whole value is kept.
extension CompiledReduce: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let layout = inputs[0], function != .product else { return false }
    return isByRows(layout, output)
      || (output.isWhole && output.count == geometry.groups.count * geometry.inner && geometry.reads(layout))
  }

  /// Every kept row is reduced to one number.
  private func isByRows(_ input: DifferenceLayout, _ output: DifferenceLayout) -> Bool {
    geometry.isContiguous && geometry.groups.count == output.rows && output.rowSize == 1
      && input.rowSize == geometry.entries.count && input.rows == output.rows && input.width == output.width
      && input.window == output.window
  }

  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int {
    readsEverything ? max(inputs[0]!.count, multiplyAdds) : inputs[0]!.count
  }

  /// Functions whose change depends on entries that do not change.
  private var readsEverything: Bool { [.max, .min, .l2].contains(function) }

  var timePerDifferenceOperation: Int { timePerOperation }

  func difference(_ call: DifferenceCall) {
    let (input, output) = (call.inputs[0]!, call.output)
    let (x, old) = (call.inputReferences[0].base, call.outputReference.base)
    if isByRows(input.layout, output.layout) {
      let size = input.layout.rowSize
      for edit in 0..<output.edits {
        for row in output.inside(edit) {
          let position = output.starts[edit] + row
          change(
            x + position * size, old + position, input.rows(of: edit) + row * size, changed: geometry.entries.indices,
            into: UnsafeMutableBufferPointer(start: output.rows(of: edit) + row, count: 1))
        }
      }
      output.clearOutside()
      return
    }
    for edit in 0..<output.edits {
      for (group, start) in geometry.groups.enumerated() {
        let first = group * geometry.inner
        change(
          x + start, old + first, geometry.changes(input, edit, from: start), changed: geometry.changed(input, edit),
          into: UnsafeMutableBufferPointer(start: output.rows(of: edit) + first, count: geometry.inner))
      }
    }
  }

  /// - Parameters:
  ///   - x: the reference of one group.
  ///   - old: what it is reduced to.
  ///   - d: differences of its changed entries.
  private func change(
    _ x: UnsafePointer<Float>, _ old: UnsafePointer<Float>, _ d: UnsafePointer<Float>, changed: Range<Int>,
    into y: UnsafeMutableBufferPointer<Float>
  ) {
    switch function {
    case .max, .min: changeOfExtreme(x, old, d, changed: changed, sign: function == .max ? 1 : -1, into: y)
    case .mean, .sum:
      if geometry.isContiguous, !changed.isEmpty {
        let first = d + geometry.entries[changed.lowerBound]
        y[0] = Float(KernelSet.best.sum(first, count: changed.count) / divisor)
      } else {
        sum(d, changed, into: y, { _, _, d in d }, finish: { $1 / divisor })
      }
    case .l1: sum(d, changed, into: y) { entry, i, d in abs(Double(x[entry + i]) + d) - abs(Double(x[entry + i])) }
    case .sumSquare: sum(d, changed, into: y) { entry, i, d in (2 * Double(x[entry + i]) + d) * d }
    case .l2:
      // Both norms are of the same roundings of x, so that they agree where nothing changes.
      sum(d, changed, into: y) { entry, i, d in
        (2 * Double(x[entry + i]) + d) * d
      } finish: { i, gained in
        var (before, after) = (0.0, 0.0)
        for (index, entry) in geometry.entries.enumerated() {
          let own = Double(x[entry + i])
          let moved = changed.contains(index) ? own + Double(d[entry + i]) : own
          before += own * own
          after += moved * moved
        }
        let both = before.squareRoot() + after.squareRoot()
        return both == 0 ? 0 : gained / both
      }
    case .logSumExp:
      sum(d, changed, into: y) { entry, i, d in
        d == 0 ? 0 : exp(Double(x[entry + i]) - Double(old[i])) * expm1(d)
      } finish: { i, gained in
        gained > -0.5 && gained < .infinity ? log1p(gained) : changeOfLogSumExp(x + i, Double(old[i]), d + i, changed)
      }
    case .product: preconditionFailure("products have no rule")
    }
  }

  /// Where most of the sum goes, or it grows beyond all numbers: the new one from scratch.
  private func changeOfLogSumExp(
    _ x: UnsafePointer<Float>, _ old: Double, _ d: UnsafePointer<Float>, _ changed: Range<Int>
  ) -> Double {
    func moved(_ index: Int) -> Double {
      let entry = geometry.entries[index]
      return changed.contains(index) ? Double(x[entry]) + Double(d[entry]) : Double(x[entry])
    }
    let top = geometry.entries.indices.reduce(-Double.infinity) { max($0, moved($1)) }
    guard top.isFinite else { return top - old }
    return (top - old) + log(geometry.entries.indices.reduce(0) { $0 + exp(moved($1) - top) })
  }

  private var divisor: Double { function == .mean ? Double(geometry.entries.count) : 1 }

  /// Adds up what `body` makes of every changed element (entry, number within it, difference), in float64.
  @inline(__always)
  private func sum(
    _ d: UnsafePointer<Float>, _ changed: Range<Int>, into y: UnsafeMutableBufferPointer<Float>,
    _ body: (_ entry: Int, _ i: Int, _ d: Double) -> Double, finish: (_ i: Int, _ sum: Double) -> Double = { $1 }
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: y.count) { sums in
      sums.update(repeating: 0)
      for index in changed {
        let entry = geometry.entries[index]
        let row = UnsafeBufferPointer(start: d + entry, count: y.count)
        for i in 0..<sums.count { sums[i] += body(entry, i, Double(row[i])) }
      }
      for i in 0..<y.count { y[i] = Float(finish(i, sums[i])) }
    }
  }

  /// The largest (or smallest) of `x + d`, less the old one, without subtracting two nearly equal numbers.
  private func changeOfExtreme(
    _ x: UnsafePointer<Float>, _ old: UnsafePointer<Float>, _ d: UnsafePointer<Float>, changed: Range<Int>,
    sign: Float, into y: UnsafeMutableBufferPointer<Float>
  ) {
    y.update(repeating: -.infinity)
    for (index, entry) in geometry.entries.enumerated() {
      let (row, own) = (x + entry, changed.contains(index) ? d + entry : nil)
      for i in 0..<y.count {
        let value = sign * ((row[i] - old[i]) + (own?[i] ?? 0))
        if value > y[i] || value.isNaN { y[i] = value }
      }
    }
    if sign < 0 { for i in 0..<y.count { y[i] = -y[i] } }
  }
}
