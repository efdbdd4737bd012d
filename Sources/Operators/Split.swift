public import NetworkGraph
public import Tensors

/// One tensor cut along one axis into parts of given lengths.
public struct Split: NetworkOperator {
  /// Counted from the front.
  public let axis: Int
  /// Length of each part along the axis.
  public let lengths: [Int]

  public init(axis: Int, lengths: [Int]) {
    self.axis = axis
    self.lengths = lengths
  }

  public var kind: String { "Split" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let input = inputs[0]
    guard input.dims.indices.contains(axis), lengths.allSatisfy({ 0 <= $0 && $0 <= input[axis] }),
      lengths.reduce(0, +) == input[axis]
    else { throw OperatorError("parts of \(lengths) along axis \(axis) do not make up \(input)") }
    return lengths.map { length in
      var dims = input.dims
      dims[axis] = length
      return Shape(dims)
    }
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let shapes = try outputShapes(for: [inputs[0].shape])
    let x = inputs[0].values
    var start = 0
    var parts: [ConstantTensor] = []
    for shape in shapes {
      var y: [Double] = []
      y.reserveCapacity(shape.count)
      shape.forEachIndex { index in
        var index = index
        index[axis] += start
        y.append(x[inputs[0].shape.offset(of: index)])
      }
      parts.append(ConstantTensor(shape: shape, kind: inputs[0].kind, values: y))
      start += shape[axis]
    }
    return parts
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0], window.axis == axis else {
      return lengths.map { _ in inputs[0] }
    }
    var start = 0
    return lengths.map { length in
      defer { start += length }
      return .window(window.reading(stride: 1, back: -start, ahead: start))
    }
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (Split(axis: permutation[axis], lengths: lengths), lengths.map { _ in permutation })
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let input = operands[0].shape
    var start = 0
    var copies: [StridedCopy] = []
    for (output, shape) in try outputShapes(for: [input]).enumerated() {
      copies.append(
        StridedCopy(output: output, dims: shape.dims, from: (start, input.strides), to: (0, shape.strides)))
      start += shape[axis] * input.strides[axis]
    }
    return CompiledCopies(copies)
  }
}
