internal import Glibc
internal import Kernels
internal import NetworkGraph
internal import Tensors

/// With `p` the shares of the reference and `S` the sum of `p expm1(d)`: `p (expm1(d) - S) / (1 + S)`; of the logarithm
/// `d - log(1 + S)`.
extension CompiledSoftmax: DifferenceOperator {
  private var count: Int { outer * length * inner }

  /// Whether every kept row holds whole groups.
  private func isByRows(_ input: DifferenceLayout, _ output: DifferenceLayout) -> Bool {
    inner == 1 && input == output && output.rowSize % length == 0
  }

  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let input = inputs[0] else { return false }
    return isByRows(input, output)
      || (output.isWhole && output.count == count && input.rows * input.rowSize == count)
  }

  var timePerDifferenceOperation: Int { 150 }

  /// Where each part of the scratch begins.
  private struct Parts {
    /// The changes of every element.
    var whole = 0
    /// Changes and results with the entries of a group side by side, and one group of the reference.
    var changes: Int, results: Int, group: Int, count: Int
  }

  private var parts: Parts {
    let moved = inner == 1 ? 0 : length * inner
    return Parts(
      changes: count, results: count + moved, group: count + 2 * moved, count: count + 2 * moved + length)
  }

  var differenceScratchCount: Int { parts.count }
  var differenceStateCount: Int { inner == 1 ? 0 : count }

  /// Keeps the reference's results with the entries of a group side by side.
  func prepareDifferences(
    inputs: [TensorView], output: TensorView, state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    guard inner > 1 else { return }
    for first in stride(from: 0, to: count, by: length * inner) {
      KernelSet.best.transpose(
        output.base + first, xStride: inner, rows: length, columns: inner, into: state + first, yStride: length)
    }
  }

  func difference(_ call: DifferenceCall) {
    let (input, output) = (call.inputs[0]!, call.output)
    let (x, y) = (call.inputReferences[0].base, call.outputReference.base)
    for edit in 0..<output.edits {
      let result = output.rows(of: edit)
      if isByRows(input.layout, output.layout) {
        let inside = output.inside(edit)
        let kept = inside.lowerBound * output.layout.rowSize
        let first = output.starts[edit] * output.layout.rowSize
        for start in stride(from: kept, to: inside.upperBound * output.layout.rowSize, by: length) {
          change(
            x + first + start, step: 1, y + first + start, input.rows(of: edit) + start, into: result + start,
            call.scratch)
        }
      } else {
        wholeChange(x, y, changes(input, edit, call.scratch), call, into: result)
      }
    }
    output.clearOutside()
  }

  /// The changes of every element of the input.
  private func changes(
    _ input: DifferenceBlock, _ edit: Int, _ scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    let rows = input.rows(of: edit)
    guard !input.layout.isWhole else { return UnsafePointer(rows) }
    let (inside, size) = (input.inside(edit), input.layout.rowSize)
    scratch.update(repeating: 0, count: count)
    (scratch + (input.starts[edit] + inside.lowerBound) * size).update(
      from: rows + inside.lowerBound * size, count: inside.count * size)
    return UnsafePointer(scratch)
  }

  private func wholeChange(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ d: UnsafePointer<Float>, _ call: DifferenceCall,
    into result: UnsafeMutablePointer<Float>
  ) {
    let parts = parts
    let (changes, results) = (call.scratch + parts.changes, call.scratch + parts.results)
    for block in 0..<outer {
      let first = block * length * inner
      guard inner > 1 else {
        change(x + first, step: 1, y + first, d + first, into: result + first, call.scratch)
        continue
      }
      KernelSet.best.transpose(
        d + first, xStride: inner, rows: length, columns: inner, into: changes, yStride: length)
      for column in 0..<inner {
        let group = column * length
        change(
          x + first + column, step: inner, call.state + first + group, changes + group, into: results + group,
          call.scratch)
      }
      KernelSet.best.transpose(
        results, xStride: length, rows: inner, columns: length, into: result + first, yStride: inner)
    }
  }

  /// The change of one group of results.
  /// - Parameters:
  ///   - x: the reference's entries, `step` floats apart.
  ///   - y: its results.
  private func change(
    _ x: UnsafePointer<Float>, step: Int, _ y: UnsafePointer<Float>, _ d: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    if logarithm { return logarithmChange(x, step: step, y, d, into: result) }
    guard !KernelSet.best.shareChanges(y, d, into: result, count: length, scale: 1) else { return }
    let group = scratch + parts.group
    for entry in 0..<length { group[entry] = x[entry * step] }
    KernelSet.best.softmaxDifference(group, d, into: result, count: length)
  }

  private func logarithmChange(
    _ x: UnsafePointer<Float>, step: Int, _ y: UnsafePointer<Float>, _ d: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    var moved = 0.0
    for entry in 0..<length { moved += exp(Double(y[entry])) * expm1(Double(d[entry])) }
    var shift = log1p(moved)
    // Where the largest entries fall, 1 + S cancels; where one rises by hundreds, it overflows.
    if !(moved > -0.99 && moved.isFinite) {
      func logSum(_ value: (Int) -> Double) -> Double {
        let most = (0..<length).reduce(-Double.infinity) { max($0, value($1)) }
        return most + log((0..<length).reduce(0) { $0 + exp(value($1) - most) })
      }
      shift = logSum { Double(x[$0 * step]) + Double(d[$0]) } - logSum { Double(x[$0 * step]) }
    }
    for entry in 0..<length { result[entry] = Float(Double(d[entry]) - shift) }
  }
}
