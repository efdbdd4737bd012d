internal import Kernels
public import NetworkGraph
public import Tensors

/// A one-dimensional convolution (cross-correlation) on channels-last rows: `[batch, L, in] -> [batch, L', out]`.
///
/// `y[t, o] = bias[o] + sum over (tap, i) of x[t * stride + tap * dilation - before, i] * w[o, i, tap]`, zero outside the
/// input. With groups, output channel `o` reads only the input channels of its group.
public struct Convolution: NetworkOperator {
  /// Shape `[out, in / groups, taps]`.
  public let weight: ConstantTensor
  /// Shape `[out]`.
  public let bias: ConstantTensor?
  public let stride: Int
  public let dilation: Int
  public let groups: Int
  public let before: Int
  public let after: Int
  /// True when ReLU follows in the same step.
  public let relu: Bool

  public init(
    weight: ConstantTensor, bias: ConstantTensor?, stride: Int = 1, dilation: Int = 1, groups: Int = 1,
    padding: (before: Int, after: Int) = (0, 0), relu: Bool = false
  ) throws(OperatorError) {
    guard weight.shape.rank == 3, weight.shape.count > 0 else {
      throw OperatorError("convolution weights of shape \(weight.shape); expected [out, in / groups, taps]")
    }
    guard stride > 0, dilation > 0, groups > 0, weight.shape[0] % groups == 0 else {
      throw OperatorError("stride \(stride), dilation \(dilation), groups \(groups) do not fit weights \(weight.shape)")
    }
    guard bias == nil || bias!.shape.count == weight.shape[0] else {
      throw OperatorError("bias of shape \(bias!.shape) for \(weight.shape[0]) output channels")
    }
    self.weight = weight
    self.bias = bias
    self.stride = stride
    self.dilation = dilation
    self.groups = groups
    (self.before, self.after) = padding
    self.relu = relu
  }

  public var kind: String { relu ? "Conv+Relu" : "Conv" }
  var taps: Int { weight.shape[2] }
  var outputs: Int { weight.shape[0] }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let input = inputs[0]
    guard input.rank == 3, input[2] == weight.shape[1] * groups else {
      throw OperatorError("input \(input) (batch, length, channels) for weights \(weight.shape) in \(groups) group(s)")
    }
    let room = input[1] + before + after - (taps - 1) * dilation - 1
    guard room >= 0 else {
      throw OperatorError("\(input[1]) positions are fewer than the \((taps - 1) * dilation + 1) that the kernel spans")
    }
    return [[input[0], room / stride + 1, outputs]]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: [inputs[0].shape])[0]
    let (length, channels) = (inputs[0].shape[1], inputs[0].shape[2])
    let (x, w, b) = (inputs[0].values, weight.values, bias?.values)
    let (inGroup, outGroup) = (channels / groups, outputs / groups)
    var y = [Double](repeating: 0, count: output.count)
    for batch in 0..<output[0] {
      for t in 0..<output[1] {
        for o in 0..<outputs {
          var sum = 0.0
          for tap in 0..<taps {
            let row = t * stride + tap * dilation - before
            guard 0 <= row, row < length else { continue }
            let first = (batch * length + row) * channels + (o / outGroup) * inGroup
            for i in 0..<inGroup { sum += x[first + i] * w[(o * inGroup + i) * taps + tap] }
          }
          sum += b?[o] ?? 0
          y[(batch * output[1] + t) * outputs + o] = relu ? max(sum, 0) : sum
        }
      }
    }
    return [ConstantTensor(shape: output, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return [inputs[0]] }
    guard window.axis == 1 else { return [.everything] }
    return [.window(window.reading(stride: stride, back: before, ahead: (taps - 1) * dilation - before))]
  }

  public func followed(byScale scale: [Double], shift: [Double]) -> (any NetworkOperator)? {
    guard !relu, scale.count == outputs else { return nil }
    let perOutput = weight.shape[1] * taps
    let scaled = weight.values.enumerated().map { $1 * scale[$0 / perOutput] }
    let moved = (0..<outputs).map { (bias?.values[$0] ?? 0) * scale[$0] + shift[$0] }
    return try? Convolution(
      weight: ConstantTensor(shape: weight.shape, values: scaled),
      bias: ConstantTensor(shape: [outputs], values: moved), stride: stride, dilation: dilation, groups: groups,
      padding: (before, after))
  }

  public func followedByRelu() -> (any NetworkOperator)? {
    try? Convolution(
      weight: weight, bias: bias, stride: stride, dilation: dilation, groups: groups, padding: (before, after),
      relu: true)
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledConvolution(self, input: operands[0].shape, output: try outputShapes(for: [operands[0].shape])[0])
  }
}

/// A convolution with packed weights for both directions.
struct CompiledConvolution: CompiledOperator {
  let op: Convolution
  let input: Shape
  let output: Shape
  /// One a group.
  let forwardWeights: [PackedWeights]
  /// Taps flipped, channels exchanged: the gradient of the input is again a convolution.
  let backwardWeights: Deferred<[PackedWeights]>

  init(_ op: Convolution, input: Shape, output: Shape) {
    self.op = op
    self.input = input
    self.output = output
    let (taps, inGroup, outGroup) = (op.taps, op.weight.shape[1], op.outputs / op.groups)
    let (weight, bias) = (op.weight.floats, op.bias?.floats)
    forwardWeights = (0..<op.groups).map { group in
      PackedWeights(
        taps: taps, inputs: inGroup, outputs: outGroup,
        bias: bias.map { Array($0[group * outGroup..<(group + 1) * outGroup]) }
      ) { o, tap, i in weight[((group * outGroup + o) * inGroup + i) * taps + tap] }
    }
    backwardWeights = Deferred {
      (0..<op.groups).map { group in
        PackedWeights(taps: taps, inputs: outGroup, outputs: inGroup, bias: nil) { i, tap, o in
          weight[((group * outGroup + o) * inGroup + i) * taps + taps - 1 - tap]
        }
      }
    }
  }

  var multiplyAdds: Int { output.count * op.taps * op.weight.shape[1] }
  var timePerOperation: Int { 1 }
  var roundsOnce: Bool { true }

  /// The gradient with `stride - 1` zero rows between its rows.
  var scratchCount: Int { op.stride == 1 ? 0 : spreadRows * output[2] }
  private var spreadRows: Int { (output[1] - 1) * op.stride + 1 }

  func forward(_ call: ForwardCall) { forward(call, precisely: false) }
  func forwardPrecisely(_ call: ForwardCall) { forward(call, precisely: true) }

  private func forward(_ call: ForwardCall, precisely: Bool) {
    let rows = RowGeometry(
      inputRows: input[1], outputRows: output[1], stride: op.stride, dilation: op.dilation, before: op.before)
    for batch in 0..<input[0] {
      let x = call.inputs[0].base + batch * input[1] * input[2]
      let y = call.outputs[0].base + batch * output[1] * output[2]
      for (group, weights) in forwardWeights.enumerated() {
        KernelSet.best.convolve(
          x + group * weights.inputs, xStride: input[2], weights, into: y + group * weights.outputs,
          yStride: output[2], rows: rows, relu: op.relu, precisely: precisely)
      }
    }
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let gradient = call.outputGradients[0]
    if op.relu {
      KernelSet.best.maskRelu(output: call.outputs[0].base, gradient: gradient.base, count: output.count)
    }
    let rows = RowGeometry(
      inputRows: op.stride == 1 ? output[1] : spreadRows, outputRows: input[1], dilation: op.dilation,
      before: (op.taps - 1) * op.dilation - op.before)
    for batch in 0..<input[0] {
      var dy = UnsafePointer(gradient.base) + batch * output[1] * output[2]
      if op.stride > 1 {
        call.scratch.update(repeating: 0, count: scratchCount)
        for t in 0..<output[1] {
          (call.scratch + t * op.stride * output[2]).update(from: dy + t * output[2], count: output[2])
        }
        dy = UnsafePointer(call.scratch)
      }
      let dx = target.view.base + batch * input[1] * input[2]
      for (group, weights) in backwardWeights.value.enumerated() {
        KernelSet.best.convolve(
          dy + group * weights.inputs, xStride: output[2], weights, into: dx + group * weights.outputs,
          yStride: input[2], rows: rows, adds: target.adds)
      }
    }
  }
}

extension CompiledConvolution: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { true }
  var rowStride: Int { op.stride }

  func rowsRead(by rows: Range<Int>) -> Range<Int> {
    let first = rows.lowerBound * op.stride - op.before
    return first..<max(first, (rows.upperBound - 1) * op.stride - op.before + (op.taps - 1) * op.dilation + 1)
  }

  func forward(_ call: RowsCall) {
    let x = call.inputs[0]
    let rows = RowGeometry(
      inputRows: x.rows.count, outputRows: call.rows.count, stride: op.stride, dilation: op.dilation,
      before: op.before - call.rows.lowerBound * op.stride + x.rows.lowerBound)
    for (group, weights) in forwardWeights.enumerated() {
      KernelSet.best.convolve(
        x.base + group * weights.inputs, xStride: input[2], weights, into: call.output + group * weights.outputs,
        yStride: output[2], rows: rows, relu: op.relu, precisely: call.precisely)
    }
  }

  func backward(_ call: RowsBackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    if op.relu {
      let first = call.rows.lowerBound * output[2]
      KernelSet.best.maskRelu(
        output: call.output + first, gradient: call.outputGradient + first, count: call.rows.count * output[2])
    }
    // With a stride, the zeros between one row and the next on either side belong to the chains of a full pass too.
    let read = op.stride == 1 ? call.rows : call.rows.lowerBound - 1..<call.rows.upperBound + 1
    let rows = read.clamped(to: 0..<output[1])
    var dy = UnsafePointer(call.outputGradient) + rows.lowerBound * output[2]
    let spread = (rows.count - 1) * op.stride + 1
    if op.stride > 1 {
      call.scratch.update(repeating: 0, count: spread * output[2])
      for row in 0..<rows.count {
        (call.scratch + row * op.stride * output[2]).update(from: dy + row * output[2], count: output[2])
      }
      dy = UnsafePointer(call.scratch)
    }
    let geometry = RowGeometry(
      inputRows: spread, outputRows: target.rows.count, dilation: op.dilation,
      before: (op.taps - 1) * op.dilation - op.before - target.rows.lowerBound + rows.lowerBound * op.stride)
    let dx = target.base + target.rows.lowerBound * input[2]
    for (group, weights) in backwardWeights.value.enumerated() {
      KernelSet.best.convolve(
        dy + group * weights.inputs, xStride: output[2], weights, into: dx + group * weights.outputs,
        yStride: input[2], rows: geometry, adds: target.adds)
    }
  }
}

/// Differences pass through the sum: only rows that read a changed row change, and the bias drops out.
extension CompiledConvolution: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let layout = inputs[0], !op.relu, input[0] == 1 else { return false }
    return layout.rowSize == input[2] && layout.rows == input[1] && output.rowSize == self.output[2]
      && output.rows == self.output[1]
  }

  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int {
    let touched = min(inputs[0]!.width * op.taps / op.stride + 1, output.width * op.taps)
    return touched * op.weight.shape[1] * op.outputs
  }

  func difference(_ call: DifferenceCall) {
    let (input, output) = (call.inputs[0]!, call.output)
    func offset(_ edit: Int) -> Int { input.starts[edit] + op.before - output.starts[edit] * op.stride }
    var first = 0
    while first < output.edits {
      // Edits at the same phase of the stride share which taps each of their rows reads.
      let shared = offset(first)
      var end = first + 1
      while end < output.edits && offset(end) == shared { end += 1 }
      difference(from: input, to: output, edits: first..<end, offset: shared)
      first = end
    }
    output.clearOutside()
  }

  /// - Parameter offset: rows from the first tap of the first kept output row to the first kept input row.
  private func difference(from input: DifferenceBlock, to output: DifferenceBlock, edits: Range<Int>, offset: Int) {
    // Kept rows may run far past the end of the value.
    let rows = edits.reduce(0) { max($0, output.inside($1).upperBound) }
    let geometry = RowGeometry(
      inputRows: input.layout.width, outputRows: rows, stride: op.stride, dilation: op.dilation,
      before: offset)
    let (inputSize, outputSize) = (input.layout.rowSize, output.layout.rowSize)
    for run in geometry.runs(taps: op.taps) {
      let read = run.rows.lowerBound * op.stride - offset + run.taps.lowerBound * op.dilation
      guard !run.taps.isEmpty else {
        for edit in edits {
          (output.rows(of: edit) + run.rows.lowerBound * outputSize).update(
            repeating: 0, count: run.rows.count * outputSize)
        }
        continue
      }
      for (group, weights) in forwardWeights.enumerated() {
        let x = input.rows(of: edits.lowerBound) + read * inputSize + group * weights.inputs
        let y = output.rows(of: edits.lowerBound) + run.rows.lowerBound * outputSize + group * weights.outputs
        // The longer of the two ways to line rows up fills the register tiles better: the rows of each edit, or the
        // same row of all edits. Each row is the same chain either way.
        if run.rows.count >= edits.count {
          for edit in 0..<edits.count {
            KernelSet.best.contract(
              x + edit * input.layout.count, rowStride: op.stride * inputSize, tapStride: op.dilation * inputSize,
              weights, taps: run.taps, inputs: 0..<weights.inputs, into: y + edit * output.layout.count,
              yStride: outputSize, rows: run.rows.count)
          }
        } else {
          for row in 0..<run.rows.count {
            KernelSet.best.contract(
              x + row * op.stride * inputSize, rowStride: input.layout.count, tapStride: op.dilation * inputSize,
              weights, taps: run.taps, inputs: 0..<weights.inputs, into: y + row * outputSize,
              yStride: output.layout.count, rows: edits.count)
          }
        }
      }
    }
  }
}
