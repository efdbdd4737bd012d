internal import Kernels
public import NetworkGraph
public import Tensors

/// The same elements under another shape; Flatten, Squeeze and Unsqueeze are this too.
public struct Reshape: NetworkOperator {
  public let shape: Shape

  public init(to shape: Shape) { self.shape = shape }

  public var kind: String { "Reshape" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].count == shape.count else {
      throw OperatorError("\(inputs[0]) holds \(inputs[0].count) elements; \(shape) needs \(shape.count)")
    }
    return [shape]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    _ = try outputShapes(for: [inputs[0].shape])
    return [inputs[0].reshaped(shape)]
  }

  /// Positions survive when their axis does: the same number of elements before and behind it.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(var window) = inputs[0] else { return inputs }
    let behind = shapes[0].dims[(window.axis + 1)...].reduce(1, *)
    let length = shapes[0][window.axis]
    for axis in shape.dims.indices where shape[axis] == length {
      if shape.dims[(axis + 1)...].reduce(1, *) == behind {
        window.axis = axis
        return [.window(window)]
      }
    }
    return [.everything]
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledReshape(count: try outputShapes(for: [operands[0].shape])[0].count)
  }
}

struct CompiledReshape: CompiledOperator {
  let count: Int

  var multiplyAdds: Int { 0 }
  var aliasesInput: Bool { true }

  /// Nothing to do when the engine honours ``aliasesInput``.
  func forward(_ call: ForwardCall) {
    guard UnsafePointer(call.outputs[0].base) != call.inputs[0].base else { return }
    call.outputs[0].base.update(from: call.inputs[0].base, count: count)
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let (dx, dy) = (target.view.base, call.outputGradients[0].base)
    if target.adds {
      KernelSet.best.add(dx, dy, into: dx, count: count)
    } else {
      dx.update(from: dy, count: count)
    }
  }
}

/// The same differences: a flattened value keeps the rows of what it was made from.
extension CompiledReshape: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let input = inputs[0] else { return false }
    return input == output || (input.isWhole && output.isWhole && input.count == output.count)
  }

  func difference(_ call: DifferenceCall) {
    call.output.base.update(from: call.inputs[0]!.base, count: call.output.edits * call.output.layout.count)
  }

  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int { 0 }
}
