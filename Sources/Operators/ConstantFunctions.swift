internal import Glibc
public import NetworkGraph
public import Tensors

/// Functions that occur in shape arithmetic and positional tables: evaluated when the model is loaded, never on data.
public struct ConstantUnary: Operator {
  public enum Function: String, CaseIterable, Sendable {
    case floor, ceil, round, sign, sin, cos, tan, asin, acos, atan, sinh, cosh
  }

  public let function: Function

  public init(_ function: Function) { self.function = function }

  public var kind: String { function.rawValue.prefix(1).uppercased() + function.rawValue.dropFirst() }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] { [inputs[0]] }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let y = inputs[0].values.map { x in
      switch function {
      case .floor: x.rounded(.down)
      case .ceil: x.rounded(.up)
      case .round: x.rounded(.toNearestOrEven)
      case .sign: x > 0 ? 1 : x < 0 ? -1 : x
      case .sin: sin(x)
      case .cos: cos(x)
      case .tan: tan(x)
      case .asin: asin(x)
      case .acos: acos(x)
      case .atan: atan(x)
      case .sinh: sinh(x)
      case .cosh: cosh(x)
      }
    }
    return [ConstantTensor(shape: inputs[0].shape, kind: inputs[0].kind, values: y)]
  }
}

/// `Mod`: the remainder with the sign of the divisor, or with `fmod` that of the dividend. Constants only.
public struct Remainder: Operator {
  public let fmod: Bool

  public init(fmod: Bool) { self.fmod = fmod }

  public var kind: String { "Mod" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    try Binary(.divide).outputShapes(for: inputs)
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: inputs.map(\.shape))[0]
    let (a, b) = (inputs[0].values, inputs[1].values)
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      let x = a[inputs[0].shape.offset(broadcastTo: index)]
      let divisor = b[inputs[1].shape.offset(broadcastTo: index)]
      let remainder = Glibc.fmod(x, divisor)
      y.append(!fmod && remainder != 0 && (remainder < 0) != (divisor < 0) ? remainder + divisor : remainder)
    }
    return [ConstantTensor(shape: output, kind: inputs[0].kind, values: y)]
  }
}

/// `Range`: numbers from a start up to (not including) a limit in equal steps; three scalars. Constants only.
public struct NumberRange: Operator {
  public init() {}

  public var kind: String { "Range" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    throw OperatorError("the length of a range is known only with its values")
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    guard inputs.count == 3, inputs.allSatisfy({ $0.shape.count == 1 }) else {
      throw OperatorError("a range needs a start, a limit and a step")
    }
    let (start, limit, step) = (inputs[0].values[0], inputs[1].values[0], inputs[2].values[0])
    let count = ((limit - start) / step).rounded(.up)
    guard step != 0, count.isFinite, count <= 0x1p28 else {
      throw OperatorError("a range from \(start) to \(limit) in steps of \(step)")
    }
    let values = (0..<max(0, Int(count))).map { start + Double($0) * step }
    return [ConstantTensor(shape: [values.count], kind: inputs[0].kind, values: values)]
  }
}

/// `CumSum` along one axis. Constants only.
public struct CumulativeSum: Operator {
  /// Counted from the front.
  public let axis: Int
  /// Whether an entry leaves out itself.
  public let exclusive: Bool
  public let reverse: Bool

  public init(axis: Int, exclusive: Bool, reverse: Bool) {
    self.axis = axis
    self.exclusive = exclusive
    self.reverse = reverse
  }

  public var kind: String { "CumSum" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].dims.indices.contains(axis) else { throw OperatorError("axis \(axis) of \(inputs[0])") }
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let shape = try outputShapes(for: [inputs[0].shape])[0]
    let x = inputs[0].values
    let (length, stride) = (shape[axis], shape.strides[axis])
    let y = x.indices.map { i in
      let entry = i / stride % length
      let first = i - entry * stride
      let upTo = reverse ? (exclusive ? entry + 1 : entry)..<length : 0..<(exclusive ? entry : entry + 1)
      return upTo.reduce(0.0) { $0 + x[first + $1 * stride] }
    }
    return [ConstantTensor(shape: shape, kind: inputs[0].kind, values: y)]
  }
}
