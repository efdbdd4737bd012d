internal import Kernels
public import NetworkGraph
public import Tensors

/// A matrix product with constant weights on the last axis: `[..., in] -> [..., out]`, plus an optional bias.
public struct Dense: NetworkOperator {
  /// Shape `[in, out]`.
  public let weight: ConstantTensor
  /// Shape `[out]`.
  public let bias: ConstantTensor?
  /// True when ReLU follows in the same step.
  public let relu: Bool

  public init(weight: ConstantTensor, bias: ConstantTensor?, relu: Bool = false) throws(OperatorError) {
    guard weight.shape.rank == 2, weight.shape.count > 0 else {
      throw OperatorError("dense weights of shape \(weight.shape); expected [in, out]")
    }
    guard bias == nil || bias!.shape.count == weight.shape[1] else {
      throw OperatorError("bias of shape \(bias!.shape) for \(weight.shape[1]) outputs")
    }
    self.weight = weight
    self.bias = bias
    self.relu = relu
  }

  public var kind: String { relu ? "Gemm+Relu" : "Gemm" }
  var inputs: Int { weight.shape[0] }
  var outputs: Int { weight.shape[1] }

  public func outputShapes(for shapes: [Shape]) throws(OperatorError) -> [Shape] {
    guard let last = shapes[0].dims.last, last == inputs else {
      throw OperatorError("input \(shapes[0]) for weights \(weight.shape): the last axis must be \(inputs)")
    }
    return [Shape(shapes[0].dims.dropLast() + [outputs])]
  }

  public func evaluate(_ values: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: [values[0].shape])[0]
    let (x, w, b) = (values[0].values, weight.values, bias?.values)
    var y = [Double](repeating: 0, count: output.count)
    for row in 0..<output.count / outputs {
      for o in 0..<outputs {
        var sum = 0.0
        for i in 0..<inputs { sum += x[row * inputs + i] * w[i * outputs + o] }
        sum += b?[o] ?? 0
        y[row * outputs + o] = relu ? max(sum, 0) : sum
      }
    }
    return [ConstantTensor(shape: output, values: y)]
  }

  public func dependence(of dependences: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = dependences[0] else { return [dependences[0]] }
    return [window.axis == shapes[0].rank - 1 ? .everything : dependences[0]]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    permutation.last == permutation.count - 1 ? (self, [permutation]) : nil
  }

  public func followed(byScale scale: [Double], shift: [Double]) -> (any NetworkOperator)? {
    guard !relu, scale.count == outputs else { return nil }
    let scaled = weight.values.enumerated().map { $1 * scale[$0 % outputs] }
    let moved = (0..<outputs).map { (bias?.values[$0] ?? 0) * scale[$0] + shift[$0] }
    return try? Dense(
      weight: ConstantTensor(shape: weight.shape, values: scaled),
      bias: ConstantTensor(shape: [outputs], values: moved))
  }

  public func followedByRelu() -> (any NetworkOperator)? { try? Dense(weight: weight, bias: bias, relu: true) }

  /// The same product for inputs whose last axis is laid out as `[a, b]` where it was `[b, a]`.
  ///
  /// Brings the weights of a dense layer after flatten into channels-last order.
  func readingTransposedInput(rows b: Int, columns a: Int) -> Dense? {
    guard a * b == inputs else { return nil }
    let moved = weight.rearranged(to: weight.shape) { element in
      for i in 0..<a {
        for j in 0..<b {
          for o in 0..<outputs { element((j * a + i) * outputs + o, (i * b + j) * outputs + o) }
        }
      }
    }
    return try? Dense(weight: moved, bias: bias, relu: relu)
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledDense(self, rows: try outputShapes(for: [operands[0].shape])[0].count / outputs)
  }
}

/// A dense layer with packed weights for both directions.
struct CompiledDense: CompiledOperator {
  let relu: Bool
  let rows: Int
  let forwardWeights: PackedWeights
  let backwardWeights: Deferred<PackedWeights>

  init(_ op: Dense, rows: Int) {
    relu = op.relu
    self.rows = rows
    let weight = op.weight.floats
    let outputs = op.outputs
    forwardWeights = PackedWeights(taps: 1, inputs: op.inputs, outputs: outputs, bias: op.bias?.floats) { o, _, i in
      weight[i * outputs + o]
    }
    backwardWeights = Deferred {
      PackedWeights(taps: 1, inputs: outputs, outputs: op.inputs, bias: nil) { i, _, o in weight[i * outputs + o] }
    }
  }

  /// Weights are read once for all rows: below some rows, reading them is what takes the time.
  var gainsFromBatches: Bool { rows < 64 && forwardWeights.inputs * forwardWeights.outputs > 1 << 14 }

  var multiplyAdds: Int { rows * forwardWeights.inputs * forwardWeights.outputs }
  var timePerOperation: Int { 1 }
  var roundsOnce: Bool { true }

  func forward(_ call: ForwardCall) {
    KernelSet.best.multiply(
      call.inputs[0].base, forwardWeights, into: call.outputs[0].base, rows: rows, relu: relu)
  }

  func forwardPrecisely(_ call: ForwardCall) {
    KernelSet.best.multiply(
      call.inputs[0].base, forwardWeights, into: call.outputs[0].base, rows: rows, relu: relu, precisely: true)
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let gradient = call.outputGradients[0]
    if relu {
      KernelSet.best.maskRelu(output: call.outputs[0].base, gradient: gradient.base, count: gradient.shape.count)
    }
    KernelSet.best.multiply(gradient.base, backwardWeights.value, into: target.view.base, rows: rows, adds: target.adds)
  }
}

extension CompiledDense: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { true }

  func forward(_ call: RowsCall) {
    KernelSet.best.multiply(
      call.start(ofInput: 0, channels: forwardWeights.inputs), forwardWeights, into: call.output,
      rows: call.rows.count, relu: relu, precisely: call.precisely)
  }

  func backward(_ call: RowsBackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let (first, count) = (target.rows.lowerBound, target.rows.count)
    let gradient = call.outputGradient + first * call.channels
    if relu {
      KernelSet.best.maskRelu(
        output: call.output + first * call.channels, gradient: gradient, count: count * call.channels)
    }
    KernelSet.best.multiply(
      gradient, backwardWeights.value, into: target.base + first * forwardWeights.inputs, rows: count,
      adds: target.adds)
  }
}

/// Differences pass through the sum. After a flatten only the changed positions' weights are read.
extension CompiledDense: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let input = inputs[0], !relu else { return false }
    if input.rowSize == forwardWeights.inputs {
      return output.rowSize == forwardWeights.outputs && output.width == input.width && output.window == input.window
    }
    return input.rows * input.rowSize == forwardWeights.inputs && output.count == forwardWeights.outputs
  }

  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int {
    inputs[0]!.count * forwardWeights.outputs
  }

  /// Rows an edit that fill the kernel's tiles by themselves: those outside the value are then left out.
  private static let rowsOfOwn = 64

  func difference(_ call: DifferenceCall) {
    let (input, output) = (call.inputs[0]!, call.output)
    if input.layout.rowSize == forwardWeights.inputs, output.layout.width >= Self.rowsOfOwn {
      for edit in 0..<output.edits {
        let inside = output.inside(edit)
        KernelSet.best.contract(
          input.rows(of: edit) + inside.lowerBound * input.layout.rowSize, rowStride: input.layout.rowSize,
          tapStride: 0, forwardWeights, taps: 0..<1, inputs: 0..<forwardWeights.inputs,
          into: output.rows(of: edit) + inside.lowerBound * output.layout.rowSize, yStride: output.layout.rowSize,
          rows: inside.count)
      }
      output.clearOutside()
      return
    }
    if input.layout.rowSize == forwardWeights.inputs {
      KernelSet.best.contract(
        input.base, rowStride: input.layout.rowSize, tapStride: 0, forwardWeights, taps: 0..<1,
        inputs: 0..<forwardWeights.inputs, into: output.base, yStride: output.layout.rowSize,
        rows: input.edits * input.layout.width)
      return
    }
    var first = 0
    while first < input.edits {
      // Edits whose changed positions coincide read the same rows of the weights.
      var end = first + 1
      while end < input.edits && input.starts[end] == input.starts[first] { end += 1 }
      let inside = input.inside(first)
      let rowSize = input.layout.rowSize
      guard !inside.isEmpty else {
        output.rows(of: first).update(repeating: 0, count: (end - first) * output.layout.count)
        first = end
        continue
      }
      let read = (input.starts[first] + inside.lowerBound) * rowSize
      KernelSet.best.contract(
        input.rows(of: first) + inside.lowerBound * rowSize, rowStride: input.layout.count, tapStride: 0,
        forwardWeights, taps: 0..<1, inputs: read..<read + inside.count * rowSize, into: output.rows(of: first),
        yStride: output.layout.count, rows: end - first)
      first = end
    }
  }
}
