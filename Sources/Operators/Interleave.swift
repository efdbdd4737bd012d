public import NetworkGraph
public import Tensors

/// `stride - 1` zeros between the entries of one axis, none behind the last: what a transposed convolution with a stride is a plain
/// convolution of.
public struct Interleave: NetworkOperator {
  public let axis: Int
  public let stride: Int

  public init(axis: Int, stride: Int) {
    precondition(axis >= 0 && stride > 0)
    self.axis = axis
    self.stride = stride
  }

  public var kind: String { "Interleave" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    var dims = inputs[0].dims
    guard dims.indices.contains(axis), dims[axis] > 0 else {
      throw OperatorError("zeros between the entries of axis \(axis) of \(inputs[0])")
    }
    let (apart, isTooLong) = (dims[axis] - 1).multipliedReportingOverflow(by: stride)
    guard !isTooLong else { throw OperatorError("stride \(stride) for \(inputs[0])") }
    dims[axis] = apart + 1
    return [try Shape.checked(dims)]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let input = inputs[0].shape
    let output = try outputShapes(for: [input])[0]
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      var source = index
      source[axis] /= stride
      y.append(index[axis] % stride == 0 ? inputs[0].values[input.offset(of: source)] : 0)
    }
    return [ConstantTensor(shape: output, kind: inputs[0].kind, values: y)]
  }

  /// Zeros read nothing, so that the window need not reach further than that of the entries.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(var window) = inputs[0], window.axis == axis else { return inputs }
    guard window.step % stride == 0 else { return [.everything] }
    window.step /= stride
    return [.window(window)]
  }

  public func treatsPositionsAlike(_ inputs: [Dependence], shapes: [Shape]) -> Bool {
    guard case .window(let window) = inputs[0], window.axis == axis else { return true }
    return stride == 1
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (Interleave(axis: permutation[axis], stride: stride), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let input = operands[0].shape
    let output = try outputShapes(for: [input])[0]
    var strides = output.strides
    strides[axis] *= stride
    let copies = CompiledCopies(
      [StridedCopy(dims: input.dims, from: (0, input.strides), to: (0, strides))], fill: 0)
    guard input.rank == 3, axis == 1 else { return copies }
    return CompiledRowMoves(
      copies, input: input, rows: (0..<output[1]).map { $0 % stride == 0 ? $0 / stride : nil },
      columns: Array(0..<input[2]))
  }
}
