public import NetworkGraph
public import Tensors

/// The whole input repeated `repeats` times along each axis.
public struct Tile: NetworkOperator {
  /// One an axis.
  public let repeats: [Int]

  public init(repeats: [Int]) { self.repeats = repeats }

  public var kind: String { "Tile" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].rank == repeats.count, repeats.allSatisfy({ 0 <= $0 && $0 <= Int(Int32.max) }) else {
      throw OperatorError("repeats \(repeats) of an input of shape \(inputs[0])")
    }
    return [try Shape.checked(repeats.indices.map { inputs[0][$0] &* repeats[$0] })]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let input = inputs[0].shape
    let output = try outputShapes(for: [input])[0]
    let x = inputs[0].values
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in y.append(x[input.offset(of: index.indices.map { index[$0] % input[$0] })]) }
    return [ConstantTensor(shape: output, kind: inputs[0].kind, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return inputs }
    return [repeats[window.axis] == 1 ? inputs[0] : .everything]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    var moved = repeats
    for (axis, source) in permutation.enumerated() { moved[source] = repeats[axis] }
    return (Tile(repeats: moved), [permutation])
  }

  /// Each axis of the output is seen as two: the repeat, and the entry of the input.
  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let input = operands[0].shape
    let output = try outputShapes(for: [input])[0]
    let axes = repeats.indices
    return CompiledCopies([
      StridedCopy(
        dims: axes.flatMap { [repeats[$0], input[$0]] }, from: (0, axes.flatMap { [0, input.strides[$0]] }),
        to: (0, axes.flatMap { [input[$0] * output.strides[$0], output.strides[$0]] }))
    ])
  }
}
