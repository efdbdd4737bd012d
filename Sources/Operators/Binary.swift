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
      function: function, output: output, same: shapes[0] == output && shapes[1] == output,
      broadcast: Broadcast(shapes[0], shapes[1], to: output), shapes: shapes)
  }
}

struct CompiledBinary: CompiledOperator {
  let function: BinaryFunction
  let output: Shape
  /// Neither operand is broadcast.
  let same: Bool
  let broadcast: Broadcast
  /// Shapes of the operands.
  let shapes: [Shape]

  /// Elements of the operands.
  private var counts: [Int] { shapes.map(\.count) }

  var multiplyAdds: Int { output.count }

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

/// Sums add differences; products expand to `da * b + a * db + da * db`; quotients by a constant scale.
extension CompiledBinary: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard
      zip(inputs, counts).allSatisfy({ layout, count in
        guard let layout else { return true }
        return layout.rows == output.rows && layout.rowSize == output.rowSize && count == self.output.count
      })
    else { return false }
    // What does not change may be a scalar, one number a channel or a row, or as large as the result.
    let constantsFit = inputs.indices.allSatisfy {
      inputs[$0] != nil || [1, self.output.count].contains(shapes[$0].count) || isPerChannel(shapes[$0], output)
        || isPerRow(shapes[$0], output)
    }
    switch function {
    case .add, .subtract: return true
    case .multiply: return constantsFit
    case .divide: return inputs[1] == nil && constantsFit
    default: return false
    }
  }

  /// One number for each entry of the last axis, the same for every row. A number for each position is not: counts alone do
  /// not tell them apart when there are as many positions as channels.
  private func isPerChannel(_ shape: Shape, _ layout: DifferenceLayout) -> Bool {
    shape.dims.last == layout.rowSize && shape.count == layout.rowSize && output.dims.last == layout.rowSize
  }

  /// One number for each row, the same for every entry of the last axis.
  private func isPerRow(_ shape: Shape, _ layout: DifferenceLayout) -> Bool {
    shape.rank >= 2 && shape.dims.last == 1 && shape[shape.rank - 2] == layout.rows && shape.count == layout.rows
      && output.rank >= 2 && output[output.rank - 2] == layout.rows && output.dims.last == layout.rowSize
  }

  func difference(_ call: DifferenceCall) {
    let output = call.output
    let size = output.layout.rowSize
    for edit in 0..<output.edits {
      let y = output.rows(of: edit)
      y.update(repeating: 0, count: output.layout.count)
      let inside = output.inside(edit)
      guard !inside.isEmpty else { continue }
      for (operand, block) in call.inputs.enumerated() {
        guard let block else { continue }
        // The kept rows of an operand are among those of the result.
        let shift = block.starts[edit] - output.starts[edit]
        // Beside a branch of another stride a block may keep a row too many: it holds zeros and has no place here.
        for row in block.inside(edit) where 0..<output.layout.width ~= row + shift {
          let d = UnsafeBufferPointer(start: block.rows(of: edit) + row * size, count: size)
          let to = UnsafeMutableBufferPointer(start: y + (row + shift) * size, count: size)
          switch function {
          case .subtract where operand == 1: for c in 0..<size { to[c] -= d[c] }
          case .add, .subtract: for c in 0..<size { to[c] += d[c] }
          default:
            let other = factor(call, operand: 1 - operand, row: block.starts[edit] + row, layout: output.layout)
            if function == .divide {
              for c in 0..<size { to[c] += d[c] / other.base[c * other.step] }
            } else {
              for c in 0..<size { to[c] += d[c] * other.base[c * other.step] }
            }
          }
        }
      }
      if function == .multiply, let a = call.inputs[0], let b = call.inputs[1] {
        let (shiftA, shiftB) = (output.starts[edit] - a.starts[edit], output.starts[edit] - b.starts[edit])
        for row in inside {
          guard a.inside(edit).contains(row + shiftA), b.inside(edit).contains(row + shiftB) else { continue }
          let (da, db) = (a.rows(of: edit) + (row + shiftA) * size, b.rows(of: edit) + (row + shiftB) * size)
          for c in 0..<size { y[row * size + c] += da[c] * db[c] }
        }
      }
    }
  }

  /// The reference of an operand at one row: where it lies and how far apart its elements are.
  private func factor(
    _ call: DifferenceCall, operand: Int, row: Int, layout: DifferenceLayout
  ) -> (base: UnsafePointer<Float>, step: Int) {
    let base = call.inputReferences[operand].base
    let count = shapes[operand].count
    if count == 1 { return (base, 0) }
    if count == output.count { return (base + row * layout.rowSize, 1) }
    return isPerRow(shapes[operand], layout) ? (base + row, 0) : (base, 1)
  }
}
