public import NetworkGraph
public import Tensors

/// Entries picked along one axis by known indices: `y[..., k, ...] = x[..., indices[k], ...]`.
///
/// The axis becomes as many axes as the indices have; a scalar index drops it.
public struct Gather: NetworkOperator {
  /// Counted from the front.
  public let axis: Int
  /// Row-major; negative ones count from the end of the axis.
  public let indices: [Int]
  public let indexShape: Shape

  public init(axis: Int, indices: [Int], indexShape: Shape) {
    precondition(indices.count == indexShape.count)
    self.axis = axis
    self.indices = indices
    self.indexShape = indexShape
  }

  public var kind: String { "Gather" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let dims = inputs[0].dims
    guard dims.indices.contains(axis), indices.allSatisfy({ -dims[axis] <= $0 && $0 < dims[axis] }) else {
      throw OperatorError("indices outside axis \(axis) of \(inputs[0])")
    }
    return [try Shape.checked(dims[..<axis] + indexShape.dims + dims[(axis + 1)...])]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let input = inputs[0].shape
    let output = try outputShapes(for: [input])[0]
    let x = inputs[0].values
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      let picked = indices[indexShape.offset(of: Array(index[axis..<axis + indexShape.rank]))]
      let source = index[..<axis] + [picked < 0 ? picked + input[axis] : picked] + index[(axis + indexShape.rank)...]
      y.append(x[input.offset(of: Array(source))])
    }
    return [ConstantTensor(shape: output, kind: inputs[0].kind, values: y)]
  }

  /// Indices in even upward steps are a slice; others read everything along the position axis.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(var window) = inputs[0] else { return inputs }
    if window.axis == axis {
      guard indexShape.rank == 1, let first = indices.first, first >= 0 else { return [.everything] }
      let step = indices.count > 1 ? indices[1] - first : 1
      guard step > 0, indices.enumerated().allSatisfy({ $1 == first + $0 * step }) else { return [.everything] }
      return [.window(window.reading(stride: step, back: -first, ahead: first))]
    }
    if window.axis > axis { window.axis += indexShape.rank - 1 }
    return [.window(window)]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    // Axes of the result: those of x with the gathered one replaced by the axes of the indices.
    let source = permutation[axis]
    func place(_ axis: Int) -> Int { axis < source ? axis : axis + indexShape.rank - 1 }
    let order = permutation.enumerated().flatMap { position, from in
      position == axis ? Array(source..<source + indexShape.rank) : [place(from)]
    }
    return (Gather(axis: source, indices: indices, indexShape: indexShape), [order])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let input = operands[0].shape
    _ = try outputShapes(for: [input])
    let outer = input.dims[..<axis].reduce(1, *)
    let inner = input.dims[(axis + 1)...].reduce(1, *)
    let copies = indices.enumerated().map { k, index in
      let picked = index < 0 ? index + input[axis] : index
      return StridedCopy(
        dims: [outer, inner], from: (picked * inner, [input[axis] * inner, 1]),
        to: (k * inner, [indices.count * inner, 1]))
    }
    return CompiledCopies(copies)
  }
}
