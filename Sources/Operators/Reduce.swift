internal import Glibc
public import NetworkGraph
public import Tensors

/// What a reduction makes of the elements along its axes.
public enum ReduceFunction: String, Hashable, Sendable {
  case mean, sum, max, min, product, l1, l2, sumSquare, logSumExp
}

/// A sum, mean, maximum, ... along some axes; global pooling is one over the positions.
///
/// Sums are taken in float64 and rounded once. The first maximum or minimum takes the gradient.
public struct Reduce: NetworkOperator {
  public let function: ReduceFunction
  /// Ascending, counted from the front.
  public let axes: [Int]
  /// Whether reduced axes stay, with length 1.
  public let keepsAxes: Bool

  public init(_ function: ReduceFunction, axes: [Int], keepsAxes: Bool) {
    self.function = function
    self.axes = axes.sorted()
    self.keepsAxes = keepsAxes
  }

  public var kind: String {
    switch function {
    case .mean: "ReduceMean"
    case .sum: "ReduceSum"
    case .max: "ReduceMax"
    case .min: "ReduceMin"
    case .product: "ReduceProd"
    case .l1: "ReduceL1"
    case .l2: "ReduceL2"
    case .sumSquare: "ReduceSumSquare"
    case .logSumExp: "ReduceLogSumExp"
    }
  }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let input = inputs[0]
    guard axes.allSatisfy({ input.dims.indices.contains($0) }), Set(axes).count == axes.count else {
      throw OperatorError("axes \(axes) of an input of shape \(input)")
    }
    guard axes.allSatisfy({ input[$0] > 0 }) else { throw OperatorError("nothing to reduce in \(input)") }
    if keepsAxes { return [Shape(input.dims.indices.map { axes.contains($0) ? 1 : input[$0] })] }
    return [Shape(input.dims.indices.filter { !axes.contains($0) }.map { input[$0] })]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let input = inputs[0].shape
    let output = try outputShapes(for: [input])[0]
    let kept = Shape(input.dims.indices.map { axes.contains($0) ? 1 : input[$0] })
    var parts = [[Double]](repeating: [], count: output.count)
    let x = inputs[0].values
    input.forEachIndex { index in parts[kept.offset(broadcastTo: index)].append(x[input.offset(of: index)]) }
    let y = parts.map { function.value($0) }
    let integer = inputs[0].kind == .integer
    return [
      ConstantTensor(
        shape: output, kind: integer ? .integer : .float, values: integer ? y.map { $0.rounded(.towardZero) } : y)
    ]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(var window) = inputs[0] else { return inputs }
    if axes.contains(window.axis) { return [.everything] }
    if !keepsAxes { window.axis -= axes.filter { $0 < window.axis }.count }
    return [.window(window)]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    let moved = Reduce(function, axes: axes.map { permutation[$0] }, keepsAxes: keepsAxes)
    if keepsAxes { return (moved, [permutation]) }
    let kept = permutation.indices.filter { !axes.contains($0) }.map { permutation[$0] }
    return (moved, [kept.map { axis in kept.count { $0 < axis } }])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    _ = try outputShapes(for: [operands[0].shape])
    return CompiledReduce(function: function, geometry: ReductionGeometry(operands[0].shape, axes: axes))
  }
}

extension ReduceFunction {
  /// The plain value over all elements; NaN wins a maximum or minimum.
  func value(_ x: [Double]) -> Double {
    switch self {
    case .mean: x.reduce(0, +) / Double(x.count)
    case .sum: x.reduce(0, +)
    case .max: x.contains(where: \.isNaN) ? .nan : x.max()!
    case .min: x.contains(where: \.isNaN) ? .nan : x.min()!
    case .product: x.reduce(1, *)
    case .l1: x.reduce(0) { $0 + abs($1) }
    case .l2: x.reduce(0) { $0 + $1 * $1 }.squareRoot()
    case .sumSquare: x.reduce(0) { $0 + $1 * $1 }
    case .logSumExp:
      x.max()!.isInfinite ? x.max()! : x.max()! + log(x.reduce(0) { $0 + exp($1 - x.max()!) })
    }
  }
}
