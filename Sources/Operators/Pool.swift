internal import Kernels
public import NetworkGraph
public import Tensors

/// The maximum or mean of windows of positions, per channel: `[batch, L, C] -> [batch, L', C]`.
///
/// Padding never wins a maximum. The first maximum in position order takes the gradient, as in PyTorch.
public struct Pool: NetworkOperator {
  public enum Kind: Hashable, Sendable { case max, average }

  public let pooling: Kind
  public let size: Int
  public let stride: Int
  public let dilation: Int
  public let before: Int
  public let after: Int
  public let ceilMode: Bool
  /// Whether a mean divides by the padded positions of its window too.
  public let countIncludesPadding: Bool

  public init(
    kind: Kind, size: Int, stride: Int, dilation: Int = 1, padding: (before: Int, after: Int) = (0, 0),
    ceilMode: Bool = false, countIncludesPadding: Bool = false
  ) throws(OperatorError) {
    guard size > 0, stride > 0, dilation > 0, padding.before >= 0, padding.after >= 0,
      padding.before <= (size - 1) * dilation, padding.after <= (size - 1) * dilation
    else {
      throw OperatorError("window \(size), stride \(stride), dilation \(dilation), padding \(padding) make no pooling")
    }
    pooling = kind
    self.size = size
    self.stride = stride
    self.dilation = dilation
    (before, after) = padding
    self.ceilMode = ceilMode
    self.countIncludesPadding = countIncludesPadding
  }

  public var kind: String { pooling == .max ? "MaxPool" : "AveragePool" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let input = inputs[0]
    guard input.rank == 3 else { throw OperatorError("input \(input); expected (batch, length, channels)") }
    let room = input[1] + before + after - (size - 1) * dilation - 1
    guard room >= 0 else { throw OperatorError("\(input[1]) positions are fewer than the window of \(size)") }
    var length = room / stride + 1
    // In ceil mode a window may hang over the end, but must start inside the input or its left padding.
    if ceilMode, room % stride != 0, length * stride < input[1] + before { length += 1 }
    return [[input[0], length, input[2]]]
  }

  /// The taps of window `t` that fall on the input, and the number a mean divides by.
  func window(_ t: Int, length: Int) -> (first: Int, count: Int, divisor: Int) {
    let start = t * stride - before
    let low = start < 0 ? (-start + dilation - 1) / dilation : 0
    let high = start >= length ? 0 : min(size, (length - 1 - start) / dilation + 1)
    let count = max(0, high - low)
    let padded = min(size, (length + after - 1 - start) / dilation + 1)
    return (start + low * dilation, count, countIncludesPadding ? padded : count)
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: [inputs[0].shape])[0]
    let (length, channels) = (inputs[0].shape[1], inputs[0].shape[2])
    let x = inputs[0].values
    var y: [Double] = []
    y.reserveCapacity(output.count)
    for batch in 0..<output[0] {
      for t in 0..<output[1] {
        let (first, count, divisor) = window(t, length: length)
        for c in 0..<channels {
          let values = (0..<count).map { x[(batch * length + first + $0 * dilation) * channels + c] }
          switch pooling {
          case .max: y.append(values.contains(where: \.isNaN) ? .nan : values.max() ?? -.infinity)
          case .average: y.append(values.reduce(0, +) / Double(divisor))
          }
        }
      }
    }
    return [ConstantTensor(shape: output, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return [inputs[0]] }
    guard window.axis == 1 else { return [.everything] }
    return [.window(window.reading(stride: stride, back: before, ahead: (size - 1) * dilation - before))]
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledPool(op: self, input: operands[0].shape, output: try outputShapes(for: [operands[0].shape])[0])
  }
}

struct CompiledPool: CompiledOperator {
  let op: Pool
  let input: Shape
  let output: Shape

  var multiplyAdds: Int { output.count * op.size }

  func forward(_ call: ForwardCall) {
    forEachWindow { from, to, count, divisor in
      pool(call.inputs[0].base + from, into: call.outputs[0].base + to, count: count, divisor: divisor)
    }
  }

  /// - Parameters:
  ///   - x: the first row of a window.
  ///   - count: its rows.
  @inline(__always)
  private func pool(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, divisor: Int) {
    let channels = input[2]
    if op.pooling == .max {
      KernelSet.best.maxRows(x, stride: op.dilation * channels, window: count, into: y, channels: channels)
      return
    }
    let y = UnsafeMutableBufferPointer(start: y, count: channels)
    y.update(repeating: 0)
    for tap in 0..<count {
      let row = UnsafeBufferPointer(start: x + tap * op.dilation * channels, count: channels)
      for c in 0..<y.count { y[c] += row[c] }
    }
    for c in 0..<y.count { y[c] /= Float(divisor) }
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    if !target.adds { target.view.base.update(repeating: 0, count: input.count) }
    forEachWindow { from, to, count, divisor in
      addGradient(
        call.inputs[0].base + from, call.outputGradients[0].base + to, into: target.view.base + from, count: count,
        divisor: divisor)
    }
  }

  /// - Parameters:
  ///   - x: the first row of a window.
  ///   - dx: its gradient.
  ///   - count: the window's rows.
  @inline(__always)
  private func addGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
    divisor: Int
  ) {
    let channels = input[2]
    if op.pooling == .max {
      KernelSet.best.maxRowsGradient(
        x, stride: op.dilation * channels, window: count, dy, into: dx, channels: channels)
      return
    }
    for tap in 0..<count {
      let row = UnsafeMutableBufferPointer(start: dx + tap * op.dilation * channels, count: channels)
      for c in 0..<row.count { row[c] += dy[c] / Float(divisor) }
    }
  }

  /// Calls `body` with the offset of each window's first row, that of its result, its rows and its divisor.
  @inline(__always)
  private func forEachWindow(_ body: (_ from: Int, _ to: Int, _ count: Int, _ divisor: Int) -> Void) {
    for batch in 0..<input[0] {
      for t in 0..<output[1] {
        let window = op.window(t, length: input[1])
        body(
          (batch * input[1] + window.first) * input[2], (batch * output[1] + t) * output[2], window.count,
          window.divisor)
      }
    }
  }
}

extension CompiledPool: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { true }
  var rowStride: Int { op.stride }

  func rowsRead(by rows: Range<Int>) -> Range<Int> {
    let first = rows.lowerBound * op.stride - op.before
    return first..<max(first, (rows.upperBound - 1) * op.stride - op.before + (op.size - 1) * op.dilation + 1)
  }

  func forward(_ call: RowsCall) {
    let x = call.inputs[0]
    for (index, row) in call.rows.enumerated() {
      // A window inside the rows that there are reads all its taps, however many rows the length has.
      let first = row * op.stride - op.before
      let inside = first >= x.rows.lowerBound && first + (op.size - 1) * op.dilation < x.rows.upperBound
      let window = inside ? (first, op.size, op.size) : op.window(row, length: input[1])
      pool(
        x.base + (window.0 - x.rows.lowerBound) * input[2], into: call.output + index * input[2], count: window.1,
        divisor: window.2)
    }
  }

  func backward(_ call: RowsBackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    if !target.adds {
      (target.base + target.rows.lowerBound * input[2]).update(repeating: 0, count: target.rows.count * input[2])
    }
    for row in call.rows {
      let window = op.window(row, length: input[1])
      addGradient(
        call.inputs[0] + window.first * input[2], call.outputGradient + row * input[2],
        into: target.base + window.first * input[2], count: window.count, divisor: window.divisor)
    }
  }
}

/// A mean passes differences through; a maximum gives the winner's own, or its gap to the old winner.
extension CompiledPool: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let layout = inputs[0], input[0] == 1 else { return false }
    return layout.rows == input[1] && layout.rowSize == input[2] && output.rows == self.output[1]
      && output.rowSize == input[2]
  }

  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int { output.count * op.size }

  /// The rows of a window that only partly changed.
  var differenceScratchCount: Int { op.pooling == .max ? op.size * input[2] : 0 }

  func difference(_ call: DifferenceCall) {
    let (changed, output) = (call.inputs[0]!, call.output)
    let channels = input[2]
    for edit in 0..<output.edits {
      let inside = changed.inside(edit)
      let rows = changed.starts[edit] + inside.lowerBound..<changed.starts[edit] + inside.upperBound
      let d = changed.rows(of: edit) - changed.starts[edit] * channels
      for kept in output.inside(edit) {
        let t = output.starts[edit] + kept
        let window = op.window(t, length: input[1])
        let y = output.rows(of: edit) + kept * channels
        if op.pooling == .max {
          maximum(call, of: window, changed: rows, d, into: y, top: call.outputReference.base + t * channels)
          continue
        }
        let row = UnsafeMutableBufferPointer(start: y, count: channels)
        row.update(repeating: 0)
        for tap in 0..<window.count where rows.contains(window.first + tap * op.dilation) {
          let from = UnsafeBufferPointer(start: d + (window.first + tap * op.dilation) * channels, count: channels)
          for c in 0..<row.count { row[c] += from[c] / Float(window.divisor) }
        }
      }
    }
    output.clearOutside()
  }

  /// - Parameters:
  ///   - rows: input rows that changed.
  ///   - d: where the difference of input row 0 would lie.
  private func maximum(
    _ call: DifferenceCall, of window: (first: Int, count: Int, divisor: Int), changed rows: Range<Int>,
    _ d: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>, top: UnsafePointer<Float>
  ) {
    let channels = input[2]
    let step = op.dilation * channels
    let x = call.inputReferences[0].base + window.first * channels
    let taken = stride(from: window.first, to: window.first + window.count * op.dilation, by: op.dilation)
    if taken.allSatisfy(rows.contains) {
      KernelSet.best.maxRowsDifference(
        x, stride: step, d + window.first * channels, differenceStride: step, window: window.count, top: top,
        into: y, channels: channels)
      return
    }
    for (tap, row) in taken.enumerated() {
      let change = call.scratch + tap * channels
      if rows.contains(row) {
        change.update(from: d + row * channels, count: channels)
      } else {
        change.update(repeating: 0, count: channels)
      }
    }
    KernelSet.best.maxRowsDifference(
      x, stride: step, call.scratch, differenceStride: channels, window: window.count, top: top, into: y,
      channels: channels)
  }
}
