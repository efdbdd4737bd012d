internal import Kernels
internal import Tensors

/// Rows of floats that lie `stride` apart.
struct FloatRows {
  let base: UnsafeMutablePointer<Float>
  let stride: Int

  subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

  /// The rows from `row` on.
  func from(_ row: Int) -> FloatRows { FloatRows(base: self[row], stride: stride) }
}

/// The arithmetic of one step of an LSTM or GRU in float32, on `rows` sequences or edits at a time.
///
/// What a step computes is kept as its *trace*, a row of ``traceCount`` floats: first the sums that go into the gates (at the
/// start of a step only their input's part), then the gates' values, then what the cell adds. Products take all rows at once;
/// everything else is done row by row, so that a row never depends on its neighbours.
protocol RecurrentCell: Sendable {
  var units: Int { get }
  /// Floats of the gates: gates times units.
  var gateCount: Int { get }
  var traceCount: Int { get }
  /// Where the trace holds the cell state, if there is one.
  var cellOffset: Int? { get }
  /// Floats of scratch a row, for any of the calls.
  var scratchCount: Int { get }
  /// Multiply-adds of one step's recurrent products.
  var multiplyAdds: Int { get }

  /// Completes the sums and values of the gates from the hidden states before the step.
  func fireGates(trace: FloatRows, hidden: FloatRows, rows: Int, scratch: UnsafeMutablePointer<Float>, precisely: Bool)

  /// The new states of one row: the cell's into its trace, the hidden one into `next`.
  func advance(
    trace: UnsafeMutablePointer<Float>, hidden: UnsafePointer<Float>, cell: UnsafePointer<Float>,
    into next: UnsafeMutablePointer<Float>)

  /// From the gradients of the states after a step to those of the states before it, in place, and of the gates' sums.
  /// - Parameter hidden: states before the step; `cell` likewise.
  func backward(
    trace: FloatRows, hidden: FloatRows, cell: FloatRows, hiddenGradient: FloatRows, cellGradient: FloatRows,
    into sums: FloatRows, rows: Int, scratch: UnsafeMutablePointer<Float>)

  /// Floats of the gates' sides in one step of a reference.
  var sidesCount: Int { get }

  /// The sides of the gates of a reference's step, from its trace: what ``difference(_:scratch:)`` takes beside it.
  func fillSides(trace: UnsafePointer<Float>, into sides: UnsafeMutablePointer<Float>)

  /// The change of the states after a step from those before it, of many edits of one reference.
  /// - Parameter step: all but what the cell knows; its `product` is room for the products.
  func difference(_ step: RecurrentStep, scratch: UnsafeMutablePointer<Float>)
}

extension KernelSet {
  /// A matrix product of rows at any distance; rows of the result likewise.
  func product(_ x: FloatRows, _ w: PackedWeights, into y: FloatRows, rows: Int, precisely: Bool = false) {
    convolve(
      UnsafePointer(x.base), xStride: x.stride, w, into: y.base, yStride: y.stride,
      rows: RowGeometry(inputRows: rows, outputRows: rows), precisely: precisely)
  }

  /// `y += x`, row by row.
  func add(_ x: FloatRows, to y: FloatRows, rows: Int, count: Int) {
    for row in 0..<rows { add(y[row], x[row], into: y[row], count: count) }
  }
}

/// Rows `rows` of a matrix `[.., columns]`, packed to be multiplied from the right (`x * W^T`) or, `transposed`, to lead
/// gradients back (`dy * W`).
func packed(
  _ matrix: ConstantTensor, rows: Range<Int>, transposed: Bool = false, bias: [Float]? = nil
) -> PackedWeights {
  let (values, columns) = (matrix.floats, matrix.shape[1])
  if transposed {
    return PackedWeights(taps: 1, inputs: rows.count, outputs: columns, bias: nil) { column, _, row in
      values[(rows.lowerBound + row) * columns + column]
    }
  }
  return PackedWeights(taps: 1, inputs: columns, outputs: rows.count, bias: bias) { row, _, column in
    values[(rows.lowerBound + row) * columns + column]
  }
}
