public import NetworkGraph
public import Tensors

/// The same numbers as integers (cut off towards zero) or as yes and no. The derivative is zero everywhere.
///
/// A cast between floating-point types is no operator: the importer passes the value through.
public struct Cast: NetworkOperator {
  public let target: ConstantTensor.Kind

  public init(to target: ConstantTensor.Kind) { self.target = target }

  public var kind: String { "Cast" }
  public var isElementwise: Bool { true }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] { [inputs[0]] }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    [inputs[0].cast(to: target)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] { inputs }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledCast(target: target, count: operands[0].shape.count)
  }
}

struct CompiledCast: CompiledOperator {
  let target: ConstantTensor.Kind
  let count: Int

  var multiplyAdds: Int { count }

  func forward(_ call: ForwardCall) {
    let x = call.inputs[0].elements
    let y = call.outputs[0].base
    switch target {
    case .float: for i in 0..<x.count { y[i] = x[i] }
    case .integer: for i in 0..<x.count { y[i] = x[i].rounded(.towardZero) }
    case .boolean: for i in 0..<x.count { y[i] = x[i] != 0 ? 1 : 0 }
    }
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    for i in 0..<count { target.put(i, self.target == .float ? call.outputGradients[0].base[i] : 0) }
  }
}
