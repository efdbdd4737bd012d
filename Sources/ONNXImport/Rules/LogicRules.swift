internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let logicRules: [String: ImportRule] = [
    "Equal": predicate(.equal),
    "Less": predicate(.less),
    "LessOrEqual": predicate(.lessOrEqual),
    "Greater": predicate(.greater),
    "GreaterOrEqual": predicate(.greaterOrEqual),
    "And": predicate(.and),
    "Or": predicate(.or),
    "Xor": predicate(.xor),
    "Not": predicate(.not),
    "IsNaN": predicate(.isNaN),
    "IsInf": predicate(.isInfinite),
    "Where": choose,
    "Trilu": triangle,
  ]

  private static func predicate(_ function: PredicateFunction) -> ImportRule {
    { node, build throws(OperatorError) in
      if function.operands == 1 { return try build.emit(Predicate(function), try build.input(0)) }
      return try build.emit(Predicate(function), try build.input(0), try build.input(1))
    }
  }

  /// A condition that is known and the same everywhere is the choice that it takes.
  private static func choose(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let (condition, a, b) = (try build.input(0), try build.input(1), try build.input(2))
    let output = try Where().outputShapes(for: [condition, a, b].map { build.shape(of: $0) })[0]
    if let known = build.known(condition)?.values, let first = known.first,
      known.allSatisfy({ ($0 != 0) == (first != 0) })
    {
      let chosen = first != 0 ? a : b
      return build.shape(of: chosen) == output ? [chosen] : try build.emit(Expand(to: output), chosen)
    }
    return try build.emit(Where(), condition, a, b)
  }

  /// The upper or lower triangle of matrices: zeros elsewhere.
  private static func triangle(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let shape = try build.shape(0)
    guard shape.rank >= 2 else { throw OperatorError("input \(shape) is no matrix") }
    let diagonal = try build.optionalConstant(1, "diagonal")?.integers.first ?? 0
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let bounded = min(max(diagonal, -rows - 1), columns + 1)
    let upper = node.flag("upper", default: true)
    let kept = (0..<rows).flatMap { row in
      (0..<columns).map { column in (upper ? column - row >= bounded : column - row <= bounded) ? 1.0 : 0.0 }
    }
    let mask = build.constant(ConstantTensor(shape: [rows, columns], kind: .boolean, values: kept))
    let x = try build.input(0)
    let zero = build.constant(ConstantTensor(scalar: 0, kind: build.known(x)?.kind ?? .float))
    return try build.emit(Where(), mask, x, zero)
  }
}
