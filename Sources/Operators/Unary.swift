internal import Glibc
public import Kernels
public import NetworkGraph
public import Tensors

/// A function of one variable applied to every element.
public struct Unary: NetworkOperator {
  public let function: UnaryFunction

  public init(_ function: UnaryFunction) { self.function = function }

  public var kind: String {
    switch function {
    case .leakyRelu: "LeakyRelu"
    case .elu: "Elu"
    case .selu: "Selu"
    case .celu: "Celu"
    case .geluTanh: "Gelu(tanh)"
    case .hardSigmoid: "HardSigmoid"
    case .hardSwish: "HardSwish"
    case .swish: "Swish"
    case .negate: "Neg"
    case .absolute: "Abs"
    case .clip: "Clip"
    default: "\(function)".prefix(1).uppercased() + "\(function)".dropFirst()
    }
  }

  public var isElementwise: Bool { true }

  public var finalActivation: FinalActivation? { function == .sigmoid ? .sigmoid : nil }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] { [inputs[0]] }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let kind = inputs[0].kind
    let keepsIntegers = function == .negate || function == .absolute
    return [
      ConstantTensor(
        shape: inputs[0].shape, kind: keepsIntegers ? kind : .float, values: inputs[0].values.map(function.value))
    ]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] { inputs }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledUnary(function: function, count: operands[0].shape.count)
  }
}

extension UnaryFunction {
  /// The plain value in float64, by the C library.
  public func value(_ x: Double) -> Double {
    func sigmoid(_ x: Double) -> Double { x < 0 ? Glibc.exp(x) / (1 + Glibc.exp(x)) : 1 / (1 + Glibc.exp(-x)) }
    func softplus(_ x: Double) -> Double { max(x, 0) + log1p(Glibc.exp(-Swift.abs(x))) }
    switch self {
    case .relu: return x <= 0 ? 0 : x
    case .leakyRelu(let slope): return x < 0 ? slope * x : x
    case .elu(let alpha): return x > 0 ? x : alpha * expm1(x)
    case .selu(let alpha, let gamma): return gamma * (x > 0 ? x : alpha * expm1(x))
    case .celu(let alpha): return x > 0 ? x : alpha * expm1(x / alpha)
    case .gelu: return 0.5 * x * (1 + Glibc.erf(x / 2.0.squareRoot()))
    case .geluTanh: return 0.5 * x * (1 + Glibc.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .sigmoid: return sigmoid(x)
    case .hardSigmoid(let alpha, let beta): return min(max(alpha * x + beta, 0), 1)
    case .hardSwish: return x * min(max(x / 6 + 0.5, 0), 1)
    case .swish(let alpha): return x * sigmoid(alpha * x)
    case .mish: return x * Glibc.tanh(softplus(x))
    case .tanh: return Glibc.tanh(x)
    case .softplus: return softplus(x)
    case .softsign: return x / (1 + Swift.abs(x))
    case .exp: return Glibc.exp(x)
    case .log: return Glibc.log(x)
    case .sqrt: return x.squareRoot()
    case .reciprocal: return 1 / x
    case .negate: return -x
    case .absolute: return Swift.abs(x)
    case .erf: return Glibc.erf(x)
    case .clip(let minimum, let maximum): return min(max(x, minimum), maximum)
    }
  }
}

extension UnaryFunction {
  /// Of an element, in multiply-adds of the linear kernels.
  fileprivate var time: Int {
    switch self {
    case .relu, .leakyRelu, .hardSigmoid, .hardSwish, .softsign, .sqrt, .reciprocal, .negate, .absolute, .clip: 16
    case .elu, .selu, .celu, .sigmoid, .swish, .tanh, .exp, .log: 100
    case .gelu, .geluTanh, .erf, .mish, .softplus: 180
    }
  }
}

struct CompiledUnary: CompiledOperator {
  let function: UnaryFunction
  let count: Int

  var multiplyAdds: Int { count }
  var timePerOperation: Int { function.time }

  func forward(_ call: ForwardCall) {
    KernelSet.best.apply(function, call.inputs[0].base, into: call.outputs[0].base, count: count)
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    KernelSet.best.applyGradient(
      function, call.inputs[0].base, call.outputGradients[0].base, into: target.view.base, count: count,
      adds: target.adds)
  }
}

extension CompiledUnary: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { true }

  func forward(_ call: RowsCall) {
    KernelSet.best.apply(
      function, call.start(ofInput: 0, channels: call.channels), into: call.output, count: call.count)
  }

  func backward(_ call: RowsBackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let first = target.rows.lowerBound * call.channels
    KernelSet.best.applyGradient(
      function, call.inputs[0] + first, call.outputGradient + first, into: target.base + first,
      count: target.rows.count * call.channels, adds: target.adds)
  }
}

extension CompiledUnary: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool { inputs[0] == output }

  /// A curved function is taken at two points.
  var timePerDifferenceOperation: Int { timePerOperation > 16 ? 2 * timePerOperation : timePerOperation }

  var mayDoubt: Bool {
    switch function {
    case .log, .sqrt, .reciprocal: true
    default: false
    }
  }

  func difference(_ call: DifferenceCall) {
    let mayDoubt = mayDoubt
    call.eachStretch { x, d, y, count, edit in
      KernelSet.best.applyDifference(function, x, d, into: y, count: count)
      if mayDoubt, (0..<count).contains(where: { DifferenceCall.leavesLittle(x[$0], d[$0]) }) { call.doubt(edit) }
    }
  }
}
