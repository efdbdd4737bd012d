public import NetworkGraph
public import Tensors

/// `x + bias` below `-threshold`, `x - bias` above `threshold`, and 0 between them: soft and hard shrinkage.
public struct Shrink: NetworkOperator {
  public let threshold: Double
  public let bias: Double

  public init(threshold: Double, bias: Double) {
    self.threshold = threshold
    self.bias = bias
  }

  public var kind: String { "Shrink" }
  public var isElementwise: Bool { true }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] { [inputs[0]] }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    [ConstantTensor(shape: inputs[0].shape, values: inputs[0].values.map(value))]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] { inputs }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledShrink(op: self, count: operands[0].shape.count)
  }

  /// A NaN stays one.
  func value(_ x: Double) -> Double {
    x < -threshold ? x + bias : x > threshold ? x - bias : x.isNaN ? x : 0
  }

  /// The side of the dead zone that `x` lies on, 0 within it.
  func side(_ x: Double) -> Int { x < -threshold ? -1 : x > threshold ? 1 : 0 }
}

struct CompiledShrink: CompiledOperator {
  let op: Shrink
  let count: Int

  var multiplyAdds: Int { count }

  func forward(_ call: ForwardCall) {
    let (x, y) = (call.inputs[0].base, call.outputs[0].base)
    for i in 0..<count { y[i] = Float(op.value(Double(x[i]))) }
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let (x, dy) = (call.inputs[0].base, call.outputGradients[0].base)
    for i in 0..<count { target.put(i, op.side(Double(x[i])) == 0 ? 0 : dy[i]) }
  }
}

/// On one side of the dead zone the difference passes; across an edge it is taken in float64.
extension CompiledShrink: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool { inputs[0] == output }

  func difference(_ call: DifferenceCall) {
    call.eachStretch { x, d, dy, count, _ in
      for i in 0..<count {
        let (before, after) = (Double(x[i]), Double(x[i]) + Double(d[i]))
        let side = op.side(before)
        dy[i] =
          side != op.side(after) || after.isNaN
          ? Float(op.value(after) - op.value(before)) : side == 0 ? 0 : d[i]
      }
    }
  }
}

extension CompiledShrink: DecidingOperator {
  /// At an edge the slope jumps, and so does the value unless the bias is the threshold.
  func decisions(within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void) {
    let x = inputs[0].elements
    for index in 0..<x.count {
      let distance = Float(abs(abs(Double(x[index])) - op.threshold))
      guard distance <= margin else { continue }
      body(
        Decision(
          output: index, element: .init(operand: 0, element: index), distance: distance,
          jump: op.bias == op.threshold ? 1 : .infinity))
    }
  }
}
