internal import Glibc
internal import Kernels
public import NetworkGraph
public import Tensors

/// A function of two variables.
public enum BinaryFunction: String, Hashable, Sendable {
  case add, subtract, multiply, divide, power, maximum, minimum

  /// The plain value; integers divide towards zero.
  @inline(__always)
  public func value<Number: BinaryFloatingPoint>(_ a: Number, _ b: Number) -> Number {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .power: Number(pow(Double(a), Double(b)))
    case .maximum: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
    case .minimum: a.isNaN || b.isNaN ? .nan : Swift.min(a, b)
    }
  }

  /// Derivatives with respect to both; ties of maximum and minimum share it, as in PyTorch.
  @inline(__always)
  func slopes(_ a: Float, _ b: Float) -> (a: Float, b: Float) {
    switch self {
    case .add: return (1, 1)
    case .subtract: return (1, -1)
    case .multiply: return (b, a)
    case .divide: return (1 / b, -a / (b * b))
    case .power:
      let (x, y) = (Double(a), Double(b))
      return (y == 0 ? 0 : Float(y * pow(x, y - 1)), x > 0 ? Float(pow(x, y) * Glibc.log(x)) : 0)
    case .maximum: return a > b ? (1, 0) : a < b ? (0, 1) : (0.5, 0.5)
    case .minimum: return a < b ? (1, 0) : a > b ? (0, 1) : (0.5, 0.5)
    }
  }
}

/// A function of two tensors that broadcast to one shape by NumPy's rule; either may be constant.
public struct Binary: NetworkOperator {
  public let function: BinaryFunction

  public init(_ function: BinaryFunction) { self.function = function }

  public var kind: String {
    switch function {
    case .add: "Add"
    case .subtract: "Sub"
    case .multiply: "Mul"
    case .divide: "Div"
    case .power: "Pow"
    case .maximum: "Max"
    case .minimum: "Min"
    }
  }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard let shape = inputs[0].broadcast(with: inputs[1]) else {
      throw OperatorError("shapes \(inputs[0]) and \(inputs[1]) do not broadcast")
    }
    return [shape]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: inputs.map(\.shape))[0]
    let (a, b) = (inputs[0].values, inputs[1].values)
    let kind: ConstantTensor.Kind = inputs.allSatisfy { $0.kind == .integer } ? .integer : .float
    var y = [Double](repeating: 0, count: output.count)
    Broadcast(inputs[0].shape, inputs[1].shape, to: output).forEachElement { i, j, k in
      let value = function.value(a[i], b[j])
      y[k] = kind == .integer && function == .divide ? value.rounded(.towardZero) : value
    }
    return [ConstantTensor(shape: output, kind: kind, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard let output = shapes[0].broadcast(with: shapes[1]) else { return [.everything] }
    return [broadcastDependence(inputs, shapes: shapes, to: output)]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (self, [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let shapes = operands.map(\.shape)
    let output = try outputShapes(for: shapes)[0]
    return CompiledBinary(
      function: function, operands: RowOperands(shapes: shapes, output: output),
      same: shapes[0] == output && shapes[1] == output, broadcast: Broadcast(shapes[0], shapes[1], to: output),
      masks: operands.contains {
        $0.constant?.values.contains { abs($0) >= CompiledBinary.mask && $0.isFinite } == true
      })
  }
}

struct CompiledBinary: CompiledOperator {
  let function: BinaryFunction
  let operands: RowOperands
  /// Neither operand is broadcast.
  let same: Bool
  let broadcast: Broadcast
  /// An operand holds numbers as large as masks are: float32 sums with them lose the other operand.
  let masks: Bool

  /// Numbers of this size stand for "never".
  static let mask = 1e8

  private var output: Shape { operands.output }
  private var shapes: [Shape] { operands.shapes }
  /// Elements of the operands.
  private var counts: [Int] { shapes.map(\.count) }

  var multiplyAdds: Int { output.count }
  /// The C library's power is not vectorised.
  var timePerOperation: Int { function == .power ? 2_000 : 16 }

  func forward(_ call: ForwardCall) {
    let (a, b, y) = (call.inputs[0].base, call.inputs[1].base, call.outputs[0].base)
    if same && function == .add {
      KernelSet.best.add(a, b, into: y, count: output.count)
      return
    }
    switch function {
    case .add: rows { y[$2] = a[$0] + b[$1] }
    case .subtract: rows { y[$2] = a[$0] - b[$1] }
    case .multiply: rows { y[$2] = a[$0] * b[$1] }
    case .divide: rows { y[$2] = a[$0] / b[$1] }
    default: rows { y[$2] = function.value(a[$0], b[$1]) }
    }
  }

  func backward(_ call: BackwardCall) {
    let (a, b) = (call.inputs[0].base, call.inputs[1].base)
    let dy = call.outputGradients[0].base
    for (operand, target) in call.inputGradients.enumerated() {
      guard let target else { continue }
      let dx = target.view.base
      if same && function == .add {
        if target.adds {
          KernelSet.best.add(dx, dy, into: dx, count: output.count)
        } else {
          dx.update(from: dy, count: output.count)
        }
        continue
      }
      if !target.adds { dx.update(repeating: 0, count: counts[operand]) }
      switch (function, operand) {
      case (.add, 0), (.subtract, 0): rows { i, _, k in dx[i] += dy[k] }
      case (.add, _): rows { _, j, k in dx[j] += dy[k] }
      case (.subtract, _): rows { _, j, k in dx[j] -= dy[k] }
      case (.multiply, 0): rows { i, j, k in dx[i] += dy[k] * b[j] }
      case (.multiply, _): rows { i, j, k in dx[j] += dy[k] * a[i] }
      case (_, 0): rows { i, j, k in dx[i] += dy[k] * function.slopes(a[i], b[j]).a }
      default: rows { i, j, k in dx[j] += dy[k] * function.slopes(a[i], b[j]).b }
      }
    }
  }

  @inline(__always)
  private func rows(_ body: (_ a: Int, _ b: Int, _ y: Int) -> Void) { broadcast.forEachElement(body) }
}

/// Both operands have the rows of the result, or one is a constant that has none.
extension CompiledBinary: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool {
    guard output.rank == 3 else { return false }
    return zip(inputs, shapes).allSatisfy { input, shape in
      input.map { $0 == output } ?? (shape.count == 1 || isChannels(shape))
    }
  }

  /// One number a channel.
  private func isChannels(_ shape: Shape) -> Bool { shape.dims.last == output[2] && shape.count == output[2] }

  func forward(_ call: RowsCall) {
    let channels = call.channels
    if same && function == .add {
      KernelSet.best.add(
        call.start(ofInput: 0, channels: channels), call.start(ofInput: 1, channels: channels), into: call.output,
        count: call.count)
      return
    }
    func operand(_ index: Int) -> (base: UnsafePointer<Float>, row: Int, channel: Int) {
      let constant = call.inputs[index].base
      if shapes[index] == output { return (call.start(ofInput: index, channels: channels), channels, 1) }
      return (constant, 0, shapes[index].count == 1 ? 0 : 1)
    }
    let (a, b, y) = (operand(0), operand(1), call.output)
    @inline(__always)
    func each(_ value: (Float, Float) -> Float) {
      for row in 0..<call.rows.count {
        for c in 0..<channels {
          y[row * channels + c] = value(a.base[row * a.row + c * a.channel], b.base[row * b.row + c * b.channel])
        }
      }
    }
    switch function {
    case .add: each { $0 + $1 }
    case .subtract: each { $0 - $1 }
    case .multiply: each { $0 * $1 }
    case .divide: each { $0 / $1 }
    default: each { function.value($0, $1) }
    }
  }

  func backward(_ call: RowsBackwardCall) {
    let channels = call.channels
    /// How an operand is walked: a constant stays where it is.
    func operand(_ index: Int) -> (base: UnsafePointer<Float>, row: Int, channel: Int) {
      (call.inputs[index], shapes[index] == output ? channels : 0, shapes[index].count == 1 ? 0 : 1)
    }
    let (a, b, dy) = (operand(0), operand(1), call.outputGradient)
    for (index, target) in call.inputGradients.enumerated() {
      guard let target else { continue }
      let first = target.rows.lowerBound * channels
      let (dx, count) = (target.base + first, target.rows.count * channels)
      if same && function == .add {
        if target.adds {
          KernelSet.best.add(dx, dy + first, into: dx, count: count)
        } else {
          dx.update(from: dy + first, count: count)
        }
        continue
      }
      if !target.adds { dx.update(repeating: 0, count: count) }
      @inline(__always)
      func each(_ change: (_ dy: Float, _ a: Float, _ b: Float) -> Float) {
        for row in target.rows {
          for c in 0..<channels {
            target.base[row * channels + c] += change(
              dy[row * channels + c], a.base[row * a.row + c * a.channel], b.base[row * b.row + c * b.channel])
          }
        }
      }
      switch (function, index) {
      case (.add, _), (.subtract, 0): each { dy, _, _ in dy }
      case (.subtract, _): each { dy, _, _ in -dy }
      case (.multiply, 0): each { dy, _, b in dy * b }
      case (.multiply, _): each { dy, a, _ in dy * a }
      case (_, 0): each { dy, a, b in dy * function.slopes(a, b).a }
      default: each { dy, a, b in dy * function.slopes(a, b).b }
      }
    }
  }
}
