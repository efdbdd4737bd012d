internal import CKernels
internal import Tensors

/// Where the rows of a convolution lie: output row `t` reads tap `k` from input row `t * stride + k * dilation - before`.
///
/// Rows outside the input are zero padding and are skipped, not multiplied: the chain of sums is the same.
public struct RowGeometry: Hashable, Sendable {
  public var inputRows: Int
  public var outputRows: Int
  public var stride: Int
  public var dilation: Int
  /// Rows of zero padding before the first input row; negative when the first taps start inside.
  public var before: Int

  public init(inputRows: Int, outputRows: Int, stride: Int = 1, dilation: Int = 1, before: Int = 0) {
    self.inputRows = inputRows
    self.outputRows = outputRows
    self.stride = stride
    self.dilation = dilation
    self.before = before
  }

  /// The taps of output row `t` that fall on input rows.
  func validTaps(of t: Int, taps: Int) -> Range<Int> {
    let first = t * stride - before
    let low = first < 0 ? (-first + dilation - 1) / dilation : 0
    let room = inputRows - 1 - first
    let high = room < 0 ? 0 : min(taps, room / dilation + 1)
    return low < high ? low..<high : 0..<0
  }
}

extension RowGeometry {
  /// Neighbouring output rows that read the same taps.
  public struct Run: Hashable, Sendable {
    public let rows: Range<Int>
    /// Empty when the rows read nothing but padding.
    public let taps: Range<Int>
  }

  /// The output rows in order, cut wherever the taps that fall on input rows change.
  public func runs(taps: Int) -> [Run] {
    var runs: [Run] = []
    var row = 0
    while row < outputRows {
      let valid = validTaps(of: row, taps: taps)
      var end = row + 1
      while end < outputRows, validTaps(of: end, taps: taps) == valid { end += 1 }
      runs.append(Run(rows: row..<end, taps: valid))
      row = end
    }
    return runs
  }
}

extension KernelSet {
  /// A convolution over rows of channels: `y[t, c] = bias[c] + sum over (tap, i) of x[row, i] * w[tap, i, c]`.
  ///
  /// - Parameters:
  ///   - x: first channel read of the first input row; rows are `xStride` floats apart.
  ///   - y: first channel written of the first output row; rows are `yStride` floats apart.
  ///   - relu: applies ReLU to the result.
  ///   - adds: adds the result to what `y` holds.
  ///   - precisely: accumulates in float64 and rounds once (not with `adds`).
  public func convolve(
    _ x: UnsafePointer<Float>, xStride: Int, _ w: PackedWeights, into y: UnsafeMutablePointer<Float>, yStride: Int,
    rows: RowGeometry, relu: Bool = false, adds: Bool = false, precisely: Bool = false
  ) {
    precondition(!(precisely && adds))
    precondition(rows.stride > 0 && rows.dilation > 0 && rows.inputRows >= 0 && rows.outputRows >= 0)
    var row = 0
    while row < rows.outputRows {
      let taps = rows.validTaps(of: row, taps: w.taps)
      // Rows that read every tap come in one long run; rows at the padding one by one.
      var end = row + 1
      if taps.count == w.taps {
        let last = (rows.inputRows - 1 - (w.taps - 1) * rows.dilation + rows.before) / rows.stride
        end = min(rows.outputRows, max(end, last + 1))
      }
      let firstInputRow = row * rows.stride - rows.before + taps.lowerBound * rows.dilation
      var call = tismscan_contraction(
        x: taps.isEmpty ? x : x + firstInputRow * xStride, x_row_stride: rows.stride * xStride,
        x_tap_stride: rows.dilation * xStride, taps: taps.count, inputs: w.inputs,
        w: w.pointer(tap: taps.lowerBound), w_panel_stride: w.panelStride,
        bias: w.bias?.pointer, y: y + row * yStride, y_row_stride: yStride, rows: end - row, outputs: w.outputs,
        relu: relu, adds: adds)
      run(&call, narrow: w.isNarrow, precisely: precisely)
      row = end
    }
  }

  /// A matrix product `y = x * w + bias` with `rows` contiguous rows.
  public func multiply(
    _ x: UnsafePointer<Float>, _ w: PackedWeights, into y: UnsafeMutablePointer<Float>, rows: Int, relu: Bool = false,
    adds: Bool = false, precisely: Bool = false
  ) {
    precondition(w.taps == 1, "a matrix product has one tap")
    convolve(
      x, xStride: w.inputs, w, into: y, yStride: w.outputs, rows: RowGeometry(inputRows: rows, outputRows: rows),
      relu: relu, adds: adds, precisely: precisely)
  }

  /// The sum of a convolution without its bias, over some of its taps or inputs, for rows at any distance.
  ///
  /// The building block of difference rules: rows may be positions of one edit, or the same position of many edits.
  /// - Parameters:
  ///   - x: what the first of `taps` reads for the first row.
  ///   - taps: which taps take part.
  ///   - inputs: which inputs of a tap take part (all, unless there is one tap); `x` points at the first of them.
  public func contract(
    _ x: UnsafePointer<Float>, rowStride: Int, tapStride: Int, _ w: PackedWeights, taps: Range<Int>,
    inputs: Range<Int>, into y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int
  ) {
    precondition(0 <= taps.lowerBound && taps.upperBound <= w.taps)
    precondition(inputs == 0..<w.inputs || (w.taps == 1 && inputs.clamped(to: 0..<w.inputs) == inputs))
    var call = tismscan_contraction(
      x: x, x_row_stride: rowStride, x_tap_stride: tapStride, taps: taps.count, inputs: inputs.count,
      w: w.pointer(tap: taps.lowerBound, input: inputs.lowerBound),
      w_panel_stride: w.panelStride, bias: nil, y: y, y_row_stride: yStride, rows: rows, outputs: w.outputs,
      relu: false, adds: false)
    run(&call, narrow: w.isNarrow)
  }

  @inline(__always)
  func run(_ call: inout tismscan_contraction, narrow: Bool, precisely: Bool = false) {
    switch (narrow, precisely) {
    case (false, false): table.contract(&call)
    case (false, true): table.contract_precisely(&call)
    case (true, false): table.contract_narrow(&call)
    case (true, true): table.contract_narrow_precisely(&call)
    }
  }
}
