public import NetworkGraph
public import Tensors

/// Entries picked along one axis, by an own known index for every output element:
/// `y[a, k, b] = x[a, indices[a, k, b], b]`.
public struct GatherElements: NetworkOperator {
  /// Counted from the front.
  public let axis: Int
  /// The output's shape; never longer than the input along the other axes.
  public let indices: ConstantTensor

  public init(axis: Int, indices: ConstantTensor) {
    self.axis = axis
    self.indices = indices
  }

  public var kind: String { "GatherElements" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let (input, output) = (inputs[0], indices.shape)
    guard input.rank == output.rank, input.dims.indices.contains(axis),
      input.dims.indices.allSatisfy({ $0 == axis || output[$0] <= input[$0] }),
      indices.integers.allSatisfy({ -input[axis] <= $0 && $0 < input[axis] })
    else { throw OperatorError("indices of shape \(output) along axis \(axis) do not fit the input \(input)") }
    return [output]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    _ = try outputShapes(for: [inputs[0].shape])
    let x = inputs[0].values
    return [
      ConstantTensor(shape: indices.shape, kind: inputs[0].kind, values: offsets(in: inputs[0].shape).map { x[$0] })
    ]
  }

  /// Offset in the input of every output element.
  private func offsets(in input: Shape) -> [Int] {
    let picked = indices.integers
    var offsets: [Int] = []
    offsets.reserveCapacity(picked.count)
    indices.shape.forEachIndex { index in
      var index = index
      let entry = picked[offsets.count]
      index[axis] = entry < 0 ? entry + input[axis] : entry
      offsets.append(input.offset(of: index))
    }
    return offsets
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return inputs }
    return [window.axis == axis ? .everything : inputs[0]]
  }

  public func treatsPositionsAlike(_ inputs: [Dependence], shapes: [Shape]) -> Bool {
    guard case .window(let window) = inputs[0] else { return true }
    return indices.shape[window.axis] == 1
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    let inverse = permutation.indices.map { axis in permutation.firstIndex(of: axis)! }
    guard let moved = try? Transpose(permutation: inverse).evaluate([indices])[0] else { return nil }
    return (GatherElements(axis: permutation[axis], indices: moved), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    _ = try outputShapes(for: [operands[0].shape])
    return CompiledGatherElements(offsets: offsets(in: operands[0].shape))
  }
}

struct CompiledGatherElements: CompiledOperator {
  /// Offset in the input of every output element.
  let offsets: [Int]

  var multiplyAdds: Int { 0 }

  func forward(_ call: ForwardCall) {
    let (x, y) = (call.inputs[0].base, call.outputs[0].base)
    offsets.withUnsafeBufferPointer { offsets in
      for i in 0..<offsets.count { y[i] = x[offsets[i]] }
    }
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    if !target.adds { target.view.elements.update(repeating: 0) }
    let (dx, dy) = (target.view.base, call.outputGradients[0].base)
    offsets.withUnsafeBufferPointer { offsets in
      for i in 0..<offsets.count { dx[offsets[i]] += dy[i] }
    }
  }
}
