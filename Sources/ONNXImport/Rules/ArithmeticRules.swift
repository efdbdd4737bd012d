internal import Kernels
internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let arithmeticRules: [String: ImportRule] = [
    "Add": binary(.add),
    "Sub": binary(.subtract),
    "Mul": binary(.multiply),
    "Div": binary(.divide),
    "Pow": power,
    "Max": variadic(.maximum),
    "Min": variadic(.minimum),
    "Sum": variadic(.add),
    "Mean": { node, build throws(OperatorError) in
      let sum = try fold(.add, &build)
      return try build.emit(Binary(.divide), sum, build.scalar(Double(build.inputs.count)))
    },
    "Exp": unary { _ in .exp },
    "Log": unary { _ in .log },
    "Sqrt": unary { _ in .sqrt },
    "Reciprocal": unary { _ in .reciprocal },
    "Neg": unary { _ in .negate },
    "Abs": unary { _ in .absolute },
    "Erf": unary { _ in .erf },
    "Mod": { node, build throws(OperatorError) in
      try build.emit(Remainder(fmod: node.flag("fmod")), try build.input(0), try build.input(1))
    },
    "CumSum": { node, build throws(OperatorError) in
      let axis = try NodeBuilder.normalized(
        try build.constant(1, "axis").integers.first ?? 0, rank: try build.shape(0).rank)
      let op = CumulativeSum(axis: axis, exclusive: node.flag("exclusive"), reverse: node.flag("reverse"))
      return try build.emit(op, try build.input(0))
    },
    "Floor": constantUnary(.floor),
    "Ceil": constantUnary(.ceil),
    "Round": constantUnary(.round),
    "Sign": constantUnary(.sign),
    "Sin": constantUnary(.sin),
    "Cos": constantUnary(.cos),
    "Tan": constantUnary(.tan),
    "Asin": constantUnary(.asin),
    "Acos": constantUnary(.acos),
    "Atan": constantUnary(.atan),
    "Sinh": constantUnary(.sinh),
    "Cosh": constantUnary(.cosh),
  ]

  private static func binary(_ function: BinaryFunction) -> ImportRule {
    { node, build throws(OperatorError) in
      try build.emit(Binary(function), try build.input(0), try build.input(1))
    }
  }

  private static func constantUnary(_ function: ConstantUnary.Function) -> ImportRule {
    { node, build throws(OperatorError) in try build.emit(ConstantUnary(function), try build.input(0)) }
  }

  private static func variadic(_ function: BinaryFunction) -> ImportRule {
    { node, build throws(OperatorError) in [try fold(function, &build)] }
  }

  private static func fold(
    _ function: BinaryFunction, _ build: inout NodeBuilder
  ) throws(OperatorError) -> Graph.ValueID {
    var result = try build.input(0)
    for index in build.inputs.indices.dropFirst() {
      result = try build.apply(Binary(function), result, try build.input(index))
    }
    return result
  }

  /// Squares, roots and reciprocals have operators of their own, which are exact and have simple derivatives.
  private static func power(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let x = try build.input(0)
    if build.known(x) == nil, let exponent = build.known(try build.input(1)), exponent.shape.count == 1,
      exponent.shape.rank <= build.shape(of: x).rank
    {
      switch exponent.values[0] {
      case 1: return [x]
      case 2: return try build.emit(Binary(.multiply), x, x)
      case 3:
        let square = try build.apply(Binary(.multiply), x, x)
        return try build.emit(Binary(.multiply), square, x)
      case 0.5: return try build.emit(Unary(.sqrt), x)
      case -1: return try build.emit(Unary(.reciprocal), x)
      default: break
      }
    }
    return try build.emit(Binary(.power), x, try build.input(1))
  }
}
