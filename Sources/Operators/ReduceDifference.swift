internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Differences of a reduction over all rows of a `[1, rows, channels]` value, which is global pooling, over the channels of each
/// row, or over any axes where the whole value is kept.
extension CompiledReduce: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let layout = inputs[0], [.mean, .sum, .max].contains(function) else { return false }
    return isByRows(layout, output)
      || (output.isWhole && output.count == geometry.groups.count * geometry.inner && geometry.reads(layout))
  }

  /// Every kept row is reduced to one number.
  private func isByRows(_ input: DifferenceLayout, _ output: DifferenceLayout) -> Bool {
    geometry.isContiguous && geometry.groups.count == output.rows && output.rowSize == 1
      && input.rowSize == geometry.entries.count && input.rows == output.rows && input.width == output.width
      && input.window == output.window
  }

  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int { inputs[0]!.count }

  func difference(_ call: DifferenceCall) {
    if isByRows(call.inputs[0]!.layout, call.output.layout) { return differenceByRows(call) }
    for edit in 0..<call.output.edits {
      for group in geometry.groups.indices {
        let y = UnsafeMutableBufferPointer(
          start: call.output.rows(of: edit) + group * geometry.inner, count: geometry.inner)
        if function == .max {
          changeOfLargest(call, edit, group, into: y)
        } else {
          changeOfSum(call.inputs[0]!, edit, group, into: y)
        }
      }
    }
  }

  private func differenceByRows(_ call: DifferenceCall) {
    let (input, output) = (call.inputs[0]!, call.output)
    let size = input.layout.rowSize
    for edit in 0..<output.edits {
      for row in output.inside(edit) {
        let (d, y) = (UnsafePointer(input.rows(of: edit) + row * size), output.rows(of: edit) + row)
        if function == .max {
          let position = output.starts[edit] + row
          let (x, top) = (call.inputReferences[0].base + position * size, call.outputReference.base[position])
          y.pointee = -.infinity
          for c in 0..<size {
            let value = (x[c] - top) + d[c]
            if value > y.pointee || value.isNaN { y.pointee = value }
          }
        } else {
          y.pointee = Float(KernelSet.best.sum(d, count: size) / (function == .mean ? Double(size) : 1))
        }
      }
    }
    output.clearOutside()
  }

  private func changeOfSum(
    _ block: DifferenceBlock, _ edit: Int, _ group: Int, into y: UnsafeMutableBufferPointer<Float>
  ) {
    let start = geometry.groups[group]
    withUnsafeTemporaryAllocation(of: Double.self, capacity: y.count) { sums in
      sums.update(repeating: 0)
      let changed = geometry.changed(block, edit)
      if geometry.isContiguous, !changed.isEmpty {
        sums[0] = KernelSet.best.sum(
          geometry.change(block, edit, from: start, changed.lowerBound), count: changed.count)
      } else {
        for entry in changed {
          let d = UnsafeBufferPointer(start: geometry.change(block, edit, from: start, entry), count: y.count)
          for i in 0..<sums.count { sums[i] += Double(d[i]) }
        }
      }
      let divisor = function == .mean ? Double(geometry.entries.count) : 1
      for i in 0..<y.count { y[i] = Float(sums[i] / divisor) }
    }
  }

  /// The largest of `x + d`, less the old one, without subtracting two nearly equal numbers.
  private func changeOfLargest(
    _ call: DifferenceCall, _ edit: Int, _ group: Int, into y: UnsafeMutableBufferPointer<Float>
  ) {
    let block = call.inputs[0]!
    let changed = geometry.changed(block, edit)
    let start = geometry.groups[group]
    let x = call.inputReferences[0].base + start
    let top = call.outputReference.base + group * geometry.inner
    y.update(repeating: -.infinity)
    for entry in geometry.entries.indices {
      let d = changed.contains(entry) ? geometry.change(block, edit, from: start, entry) : nil
      let row = x + geometry.entries[entry]
      for i in 0..<y.count {
        let value = (row[i] - top[i]) + (d?[i] ?? 0)
        if value > y[i] || value.isNaN { y[i] = value }
      }
    }
  }
}
