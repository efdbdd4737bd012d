internal import CKernels

/// One step of an LSTM or GRU: what `rows` edits of one reference change in its states.
///
/// `G` are the gates: 4 (`i, o, f, g`) of an LSTM, 3 (`z, r, n`) of a GRU.
public struct RecurrentStep {
  public var rows: Int
  public var units: Int
  /// The reference's sums of the gates `[G, units]`, their values `[G, units]`, and then `c'` and `tanh(c')` of an LSTM or, of
  /// a GRU, what `r` multiplies (``resetAfter``) or has multiplied.
  public var trace: UnsafePointer<Float>
  /// What ``KernelSet/fillSides(_:count:)`` makes of the gates' sums; an LSTM has `c'` as a fifth gate.
  public var sides: UnsafePointer<Float>
  /// The reference's states before the step, `[units]` each.
  public var hidden, cell: UnsafePointer<Float>
  /// `[rows, G, units]`: what the input's change makes of the sums; `nil` for nothing.
  public var input: UnsafePointer<Float>?
  /// `[rows, G, units]`: the same of the hidden states' change; a GRU's is overwritten.
  public var product: UnsafeMutablePointer<Float>
  /// `[rows, units]` each, in place.
  public var hiddenChange, cellChange: UnsafeMutablePointer<Float>
  /// Rows of the new hidden change once more, `yStride` floats apart.
  public var y: UnsafeMutablePointer<Float>
  public var yStride: Int
  /// Whether a GRU's `r` multiplies the product with the state.
  public var resetAfter = false

  public init(
    rows: Int, units: Int, trace: UnsafePointer<Float>, sides: UnsafePointer<Float>, hidden: UnsafePointer<Float>,
    cell: UnsafePointer<Float>, input: UnsafePointer<Float>?, product: UnsafeMutablePointer<Float>,
    hiddenChange: UnsafeMutablePointer<Float>, cellChange: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>,
    yStride: Int, resetAfter: Bool = false
  ) {
    self.rows = rows
    self.units = units
    self.trace = trace
    self.sides = sides
    self.hidden = hidden
    self.cell = cell
    self.input = input
    self.product = product
    self.hiddenChange = hiddenChange
    self.cellChange = cellChange
    self.y = y
    self.yStride = yStride
    self.resetAfter = resetAfter
  }

  var call: tismscan_recurrence {
    tismscan_recurrence(
      rows: rows, units: units, trace: trace, sides: sides, hidden: hidden, cell: cell, input: input, product: product,
      hidden_change: hiddenChange, cell_change: cellChange, y: y, y_row_stride: yStride, reset_after: resetAfter)
  }
}

extension KernelSet {
  /// The two sides of gates, `sigmoid(x)` and then `sigmoid(-x)`, where `sides` holds the gates' sums `x` (of a tanh `2 x`) and
  /// room for as many. Each is rounded once: the small side of a gate that is almost shut or open keeps its digits.
  public func fillSides(_ sides: UnsafeMutablePointer<Float>, count: Int) {
    apply(.negate, sides, into: sides + count, count: count)
    apply(.sigmoid, sides, into: sides, count: 2 * count)
  }

  /// The changes of an LSTM's hidden and cell states.
  public func lstmDifference(_ step: RecurrentStep) {
    var call = step.call
    table.lstm_difference(&call)
  }

  /// The first half of a GRU's step: leaves the change of `z` where its product was, and where that of `n` was the change of
  /// `n`'s sums or, unless ``RecurrentStep/resetAfter``, of `r * h`, whose product with the weights is then due there.
  public func gruGatesDifference(_ step: RecurrentStep) {
    var call = step.call
    table.gru_gates_difference(&call)
  }

  /// The second half: the change of a GRU's hidden states.
  public func gruDifference(_ step: RecurrentStep) {
    var call = step.call
    table.gru_difference(&call)
  }
}
