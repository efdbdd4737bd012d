public import NetworkGraph
public import Tensors

/// A yes or no made from one or two numbers.
public enum PredicateFunction: String, Hashable, Sendable {
  case equal, less, lessOrEqual, greater, greaterOrEqual, and, or, xor, not, isNaN, isInfinite

  /// Number of operands.
  public var operands: Int {
    switch self {
    case .not, .isNaN, .isInfinite: 1
    default: 2
    }
  }

  @inline(__always)
  func value<Number: BinaryFloatingPoint>(_ a: Number, _ b: Number) -> Bool {
    switch self {
    case .equal: a == b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    case .and: a != 0 && b != 0
    case .or: a != 0 || b != 0
    case .xor: (a != 0) != (b != 0)
    case .not: a == 0
    case .isNaN: a.isNaN
    case .isInfinite: a.isInfinite
    }
  }

  /// Hands `body` the function: a comparison as one of its own, so that loops over it vectorise.
  @inline(__always)
  func settled(_ body: ((Float, Float) -> Bool) -> Void) {
    switch self {
    case .equal: body { $0 == $1 }
    case .less: body { $0 < $1 }
    case .lessOrEqual: body { $0 <= $1 }
    case .greater: body { $0 > $1 }
    case .greaterOrEqual: body { $0 >= $1 }
    case .and, .or, .xor, .not, .isNaN, .isInfinite: body { value($0, $1) }
    }
  }
}

/// Comparisons and logic, 1 for yes and 0 for no; two operands broadcast. The derivative is zero everywhere.
public struct Predicate: NetworkOperator {
  public let function: PredicateFunction

  public init(_ function: PredicateFunction) { self.function = function }

  public var kind: String {
    switch function {
    case .isNaN: "IsNaN"
    case .isInfinite: "IsInf"
    default: function.rawValue.prefix(1).uppercased() + function.rawValue.dropFirst()
    }
  }

  public var isElementwise: Bool { function.operands == 1 }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard let shape = inputs[0].broadcast(with: inputs[function.operands - 1]) else {
      throw OperatorError("shapes \(inputs) do not broadcast")
    }
    return [shape]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let operands = [inputs[0], inputs[function.operands - 1]]
    let output = try outputShapes(for: inputs.map(\.shape))[0]
    let (a, b) = (operands[0].values, operands[1].values)
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      let i = operands[0].shape.offset(broadcastTo: index)
      let j = operands[1].shape.offset(broadcastTo: index)
      y.append(function.value(a[i], b[j]) ? 1 : 0)
    }
    return [ConstantTensor(shape: output, kind: .boolean, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard let output = try? outputShapes(for: shapes)[0] else { return [.everything] }
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
    return CompiledPredicate(
      function: function, walk: StridedWalk(broadcasting: [shapes[0], shapes[function.operands - 1]], to: output),
      operands: RowOperands(shapes: shapes, output: output))
  }
}

struct CompiledPredicate: CompiledOperator {
  let function: PredicateFunction
  /// Both operands (the same one twice where there is one), output.
  let walk: StridedWalk
  let operands: RowOperands

  var multiplyAdds: Int { walk.count }

  func forward(_ call: ForwardCall) {
    function.settled { isSo in
      walk.forEachStretch(of: [call.inputs[0].base, call.inputs[function.operands - 1].base]) { entries, first, count in
        let (a, b, y) = (entries[0], entries[1], call.outputs[0].base + first)
        for i in 0..<count { y[i] = isSo(a[i], b[i]) ? 1 : 0 }
      }
    }
  }

  func backward(_ call: BackwardCall) {
    for target in call.inputGradients {
      if let target, !target.adds { target.view.elements.update(repeating: 0) }
    }
  }
}

/// 1 where a no becomes a yes, -1 where a yes becomes a no.
extension CompiledPredicate: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    inputs.indices.allSatisfy { operands.fits($0, inputs[$0], output) }
  }

  func difference(_ call: DifferenceCall) {
    let last = function.operands - 1
    function.settled { isSo in
      operands.eachSideBySide(call) { y, _, references, changes in
        let (a, b, da, db) = (references[0], references[last], changes[0], changes[last])
        for c in 0..<y.count {
          let was: Float = isSo(a[c], b[c]) ? 1 : 0
          let isNow: Float = isSo(a[c] + da[c], b[c] + db[c]) ? 1 : 0
          y[c] = isNow - was
        }
      }
    }
  }
}
