public import NetworkGraph
public import Tensors

/// Tensors one behind the other along one axis; all other axes agree.
public struct Concat: NetworkOperator {
  /// Counted from the front.
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var kind: String { "Concat" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard var dims = inputs.first?.dims, dims.indices.contains(axis) else {
      throw OperatorError("axis \(axis) of inputs \(inputs)")
    }
    for shape in inputs.dropFirst() {
      guard shape.rank == dims.count, dims.indices.allSatisfy({ $0 == axis || shape[$0] == dims[$0] }) else {
        throw OperatorError("shapes \(inputs) differ along more than axis \(axis)")
      }
      dims[axis] += shape[axis]
    }
    return [try Shape.checked(dims)]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: inputs.map(\.shape))[0]
    let parts = inputs.map(\.values)
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      var (index, part) = (index, 0)
      while index[axis] >= inputs[part].shape[axis] {
        index[axis] -= inputs[part].shape[axis]
        part += 1
      }
      y.append(parts[part][inputs[part].shape.offset(of: index)])
    }
    let kind = inputs.contains { $0.kind == .float } ? .float : inputs[0].kind
    return [ConstantTensor(shape: output, kind: kind, values: y)]
  }

  /// Along the position axis, entry `j` is entry `j - offset` of the part it falls into.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    var offset = 0
    var parts: [Dependence] = []
    for (dependence, shape) in zip(inputs, shapes) {
      if case .window(let window) = dependence, window.axis == axis {
        parts.append(.window(window.reading(stride: 1, back: offset, ahead: -offset)))
      } else {
        parts.append(dependence)
      }
      offset += shape[axis]
    }
    return [Dependence.union(parts)]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (Concat(axis: permutation[axis]), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let output = try outputShapes(for: operands.map(\.shape))[0]
    var start = 0
    var copies: [StridedCopy] = []
    for (input, operand) in operands.enumerated() {
      copies.append(
        StridedCopy(
          input: input, dims: operand.shape.dims, from: (0, operand.shape.strides), to: (start, output.strides)))
      start += operand.shape[axis] * output.strides[axis]
    }
    return CompiledCopies(copies)
  }
}
