public import NetworkGraph
public import Tensors

/// A constant around the input: `before` and `after` entries along each axis. Negative numbers crop.
public struct Pad: NetworkOperator {
  /// One an axis.
  public let before: [Int]
  public let after: [Int]
  public let value: Double

  public init(before: [Int], after: [Int], value: Double) {
    precondition(before.count == after.count, "padding of both ends of every axis")
    self.before = before
    self.after = after
    self.value = value
  }

  public var kind: String { "Pad" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].rank == before.count else {
      throw OperatorError("padding of \(before.count) axes for an input of shape \(inputs[0])")
    }
    return [try Shape.checked(before.indices.map { inputs[0][$0] &+ before[$0] &+ after[$0] })]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let input = inputs[0].shape
    let output = try outputShapes(for: [input])[0]
    let x = inputs[0].values
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      let source = index.indices.map { index[$0] - before[$0] }
      let inside = source.indices.allSatisfy { 0 <= source[$0] && source[$0] < input[$0] }
      y.append(inside ? x[input.offset(of: source)] : value)
    }
    return [ConstantTensor(shape: output, kind: inputs[0].kind, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return inputs }
    let shift = before[window.axis]
    return [.window(window.reading(stride: 1, back: shift, ahead: -shift))]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    var (first, last) = (before, after)
    for (axis, source) in permutation.enumerated() { (first[source], last[source]) = (before[axis], after[axis]) }
    return (Pad(before: first, after: last, value: value), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let input = operands[0].shape
    let output = try outputShapes(for: [input])[0]
    // What is kept of each axis, as entries of the input.
    let kept = before.indices.map { axis in
      let first = max(0, -before[axis])
      return first..<max(first, min(input[axis], input[axis] + after[axis]))
    }
    let from = kept.indices.reduce(0) { $0 + kept[$1].lowerBound * input.strides[$1] }
    let to = kept.indices.reduce(0) { $0 + max(0, before[$1]) * output.strides[$1] }
    let copy = StridedCopy(dims: kept.map(\.count), from: (from, input.strides), to: (to, output.strides))
    let copies = CompiledCopies([copy], fill: Float(value))
    guard input.rank == 3, before[0] == 0, after[0] == 0 else { return copies }
    func sources(_ axis: Int) -> [Int?] {
      (0..<output[axis]).map { 0..<input[axis] ~= $0 - before[axis] ? $0 - before[axis] : nil }
    }
    return CompiledRowMoves(copies, input: input, rows: sources(1), columns: sources(2))
  }
}
