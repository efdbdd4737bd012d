internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let productRules: [String: ImportRule] = [
    "Gemm": gemm,
    "MatMul": { node, build throws(OperatorError) in
      try product(try build.input(0), try build.input(1), &build, last: true)
    },
    "Einsum": { node, build throws(OperatorError) in try Einsum.apply(node, &build) },
  ]

  /// A matrix product by NumPy's rule; with constant weights on the right it is ``Dense``.
  static func product(
    _ left: Graph.ValueID, _ right: Graph.ValueID, _ build: inout NodeBuilder, last: Bool = false
  ) throws(OperatorError) -> [Graph.ValueID] {
    let (a, b) = (build.shape(of: left), build.shape(of: right))
    guard a.rank > 0, b.rank > 0 else { throw OperatorError("a matrix product with a scalar") }
    if let weight = build.known(right), b.rank == 2, b.count > 0, build.known(left) == nil {
      let dense = try Dense(weight: weight, bias: nil)
      return last ? try build.emit(dense, left) : [try build.apply(dense, left)]
    }
    // Vectors are matrices with one row or column, which is dropped again.
    let matrixA = a.rank == 1 ? try build.reshape(left, to: [1, a[0]]) : left
    let matrixB = b.rank == 1 ? try build.reshape(right, to: [b[0], 1]) : right
    if a.rank > 1, b.rank > 1, last { return try build.emit(MatMul(), matrixA, matrixB) }
    var result = try product(matrixA, matrixB, &build, isMatrix: true)
    var dims = build.shape(of: result).dims
    if b.rank == 1 { dims.removeLast() }
    if a.rank == 1 { dims.remove(at: dims.count - (b.rank == 1 ? 1 : 2)) }
    result = try build.reshape(result, to: dims)
    return [result]
  }

  private static func product(
    _ a: Graph.ValueID, _ b: Graph.ValueID, _ build: inout NodeBuilder, isMatrix: Bool
  ) throws(OperatorError) -> Graph.ValueID {
    if let weight = build.known(b), weight.shape.rank == 2, weight.shape.count > 0, build.known(a) == nil {
      return try build.apply(try Dense(weight: weight, bias: nil), a)
    }
    return try build.apply(MatMul(), a, b)
  }

  /// `alpha * A * B + beta * C`
  private static func gemm(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let (alpha, beta) = (node.float("alpha", default: 1), node.float("beta", default: 1))
    var a = try build.input(0)
    guard build.shape(of: a).rank == 2, try build.shape(1).rank == 2 else {
      throw OperatorError("operands \(build.shape(of: a)) and \(try build.shape(1)); expected two matrices")
    }
    if node.flag("transA") { a = try build.transpose(a, [1, 0]) }
    var b = try build.input(1)
    if node.flag("transB") { b = try build.transpose(b, [1, 0]) }
    if alpha != 1 { b = try build.apply(Binary(.multiply), b, build.scalar(alpha)) }
    var c = build.has(2) && beta != 0 ? try build.input(2) : nil
    if let added = c, beta != 1 { c = try build.apply(Binary(.multiply), added, build.scalar(beta)) }
    guard let weight = build.known(b), weight.shape.count > 0 else {
      guard let c else { return try build.emit(MatMul(), a, b) }
      return try build.emit(Binary(.add), try build.apply(MatMul(), a, b), c)
    }
    let outputs = weight.shape[1]
    guard let added = c else { return try build.emit(try Dense(weight: weight, bias: nil), a) }
    if let bias = build.known(added), bias.shape.count == 1 || bias.shape.count == outputs,
      bias.shape.count == 1 || bias.shape.dims.last == outputs
    {
      let values = bias.values
      let spread = ConstantTensor(shape: [outputs], values: (0..<outputs).map { values[values.count == 1 ? 0 : $0] })
      return try build.emit(try Dense(weight: weight, bias: spread), a)
    }
    return try build.emit(Binary(.add), try build.apply(try Dense(weight: weight, bias: nil), a), added)
  }
}
