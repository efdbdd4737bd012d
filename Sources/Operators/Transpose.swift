internal import Kernels
public import NetworkGraph
public import Tensors

/// Axes in another order: axis `a` of the output is axis `permutation[a]` of the input.
public struct Transpose: NetworkOperator {
  public let permutation: [Int]

  public init(permutation: [Int]) throws(OperatorError) {
    guard permutation.sorted() == Array(permutation.indices) else {
      throw OperatorError("\(permutation) is not an order of axes")
    }
    self.permutation = permutation
  }

  public var kind: String { "Transpose" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].rank == permutation.count else {
      throw OperatorError("order \(permutation) for an input of shape \(inputs[0])")
    }
    return [Shape(permutation.map { inputs[0][$0] })]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: [inputs[0].shape])[0]
    return [
      inputs[0].rearranged(to: output) { element in
        forEachElement(input: inputs[0].shape, output: output) { element($0, $1) }
      }
    ]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(var window) = inputs[0] else { return inputs }
    window.axis = permutation.firstIndex(of: window.axis)!
    return [.window(window)]
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let (input, output) = (operands[0].shape, try outputShapes(for: [operands[0].shape])[0])
    return CompiledTranspose(
      permutation: permutation, input: input, planes: TransposedPlanes(input: input, permutation: permutation, output))
  }

  /// Calls `body` with the offsets in input and output of every element, in the output's order.
  ///
  /// Weights of a hundred million elements are moved by it when a model is loaded.
  private func forEachElement(input: Shape, output: Shape, _ body: (_ from: Int, _ to: Int) -> Void) {
    let strides = permutation.map { input.strides[$0] }
    guard let inner = output.dims.last, output.count > 0 else {
      if output.count == 1 { body(0, 0) }
      return
    }
    let innerStride = strides[strides.count - 1]
    var index = [Int](repeating: 0, count: output.rank)
    var from = 0
    for first in stride(from: 0, to: output.count, by: inner) {
      for i in 0..<inner { body(from + i * innerStride, first + i) }
      var axis = output.rank - 2
      while axis >= 0 {
        index[axis] += 1
        from += strides[axis]
        if index[axis] < output[axis] { break }
        from -= strides[axis] * output[axis]
        index[axis] = 0
        axis -= 1
      }
    }
  }
}

struct CompiledTranspose: CompiledOperator {
  let permutation: [Int]
  let input: Shape
  let planes: TransposedPlanes

  var multiplyAdds: Int { 0 }

  func forward(_ call: ForwardCall) { planes.move(call.inputs[0].base, into: call.outputs[0].base) }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    planes.moveBack(call.outputGradients[0].base, into: target.view.base, adds: target.adds)
  }
}

/// Whole values move as they do forward. Rows of channels turned into channels of rows: the result keeps all of its
/// elements, zero where nothing changed.
extension CompiledTranspose: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let layout = inputs[0] else { return false }
    if layout.isWhole && output.isWhole { return true }
    guard permutation == [0, 2, 1], input[0] == 1 else { return false }
    return layout.rows == input[1] && layout.rowSize == input[2] && output.window == nil
      && output.count == input.count
  }

  func difference(_ call: DifferenceCall) {
    let (from, to) = (call.inputs[0]!, call.output)
    for edit in 0..<to.edits {
      let (x, y) = (from.rows(of: edit), to.rows(of: edit))
      if from.layout.isWhole && to.layout.isWhole {
        planes.move(x, into: y)
        continue
      }
      y.update(repeating: 0, count: to.layout.count)
      let (inside, length, channels) = (from.inside(edit), input[1], input[2])
      KernelSet.best.transpose(
        x + inside.lowerBound * channels, xStride: channels, rows: inside.count, columns: channels,
        into: y + from.starts[edit] + inside.lowerBound, yStride: length)
    }
  }
}
