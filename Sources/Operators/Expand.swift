public import NetworkGraph
public import Tensors

/// Axes of length 1 (and missing leading axes) repeated until the input has the given shape.
public struct Expand: NetworkOperator {
  /// The shape of the output.
  public let shape: Shape

  /// - Parameter shape: a shape that the input broadcasts to.
  public init(to shape: Shape) { self.shape = shape }

  public var kind: String { "Expand" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].broadcast(with: shape) == shape else {
      throw OperatorError("\(inputs[0]) does not expand to \(shape)")
    }
    return [shape]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    _ = try outputShapes(for: [inputs[0].shape])
    let x = inputs[0].values
    var y: [Double] = []
    y.reserveCapacity(shape.count)
    shape.forEachIndex { y.append(x[inputs[0].shape.offset(broadcastTo: $0)]) }
    return [ConstantTensor(shape: shape, kind: inputs[0].kind, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(var window) = inputs[0] else { return inputs }
    let axis = window.axis + shape.rank - shapes[0].rank
    guard shape[axis] == shapes[0][window.axis] else { return [.everything] }
    window.axis = axis
    return [.window(window)]
  }

  /// Leading axes that the input lacks stay in front.
  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    let added = shape.rank - permutation.count
    let full = Array(0..<added) + permutation.map { $0 + added }
    var dims = shape.dims
    for (axis, source) in full.enumerated() { dims[source] = shape[axis] }
    return (Expand(to: Shape(dims)), [full])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let output = try outputShapes(for: [operands[0].shape])[0]
    return CompiledCopies([
      StridedCopy(
        dims: output.dims, from: (0, operands[0].shape.broadcastStrides(to: output)), to: (0, output.strides))
    ])
  }
}
