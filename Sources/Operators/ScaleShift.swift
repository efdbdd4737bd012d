internal import Kernels
public import NetworkGraph
public import Tensors

/// `y = scale[c] * x + shift[c]` with `c` along one axis: batch normalisation with its running statistics.
///
/// The two numbers are computed in float64 from the statistics, then rounded once.
public struct ScaleShift: NetworkOperator {
  public let scale: [Double]
  public let shift: [Double]
  public let axis: Int

  public init(scale: [Double], shift: [Double], axis: Int) {
    precondition(scale.count == shift.count)
    self.scale = scale
    self.shift = shift
    self.axis = axis
  }

  public var kind: String { "BatchNormalization" }
  public var scaleAndShift: ScaleAndShift? { ScaleAndShift(scale: scale, shift: shift, axis: axis) }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].rank > axis, inputs[0][axis] == scale.count else {
      throw OperatorError("input \(inputs[0]) has not \(scale.count) channels along axis \(axis)")
    }
    return inputs
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let shape = try outputShapes(for: [inputs[0].shape])[0]
    let inner = shape.dims[(axis + 1)...].reduce(1, *)
    let y = inputs[0].values.enumerated().map { index, x in
      let c = index / inner % scale.count
      return scale[c] * x + shift[c]
    }
    return [ConstantTensor(shape: shape, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] { inputs }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (ScaleShift(scale: scale, shift: shift, axis: permutation[axis]), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let shape = try outputShapes(for: [operands[0].shape])[0]
    let inner = shape.dims[(axis + 1)...].reduce(1, *)
    // Channels that are not last are spread over the inner elements, so that one kernel serves every layout.
    func spread(_ values: [Double]) -> AlignedFloats {
      AlignedFloats(values.flatMap { [Float](repeating: Float($0), count: inner) })
    }
    return CompiledScaleShift(
      scale: spread(scale), shift: spread(shift), rows: shape.dims[..<axis].reduce(1, *),
      channels: inner * scale.count)
  }
}

struct CompiledScaleShift: CompiledOperator {
  let scale: AlignedFloats
  let shift: AlignedFloats
  let rows: Int
  let channels: Int

  var multiplyAdds: Int { rows * channels }

  func forward(_ call: ForwardCall) {
    KernelSet.best.scaleShift(
      call.inputs[0].base, scale: scale.pointer, shift: shift.pointer, into: call.outputs[0].base, rows: rows,
      channels: channels)
  }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    KernelSet.best.scaleShift(
      call.outputGradients[0].base, scale: scale.pointer, shift: nil, into: target.view.base, rows: rows,
      channels: channels, adds: target.adds)
  }
}

extension CompiledScaleShift: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { output.dims.last == channels }

  func forward(_ call: RowsCall) {
    KernelSet.best.scaleShift(
      call.start(ofInput: 0, channels: channels), scale: scale.pointer, shift: shift.pointer, into: call.output,
      rows: call.rows.count, channels: channels)
  }

  func backward(_ call: RowsBackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let first = target.rows.lowerBound * channels
    KernelSet.best.scaleShift(
      call.outputGradient + first, scale: scale.pointer, shift: nil, into: target.base + first,
      rows: target.rows.count, channels: channels, adds: target.adds)
  }
}

extension CompiledScaleShift: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    inputs[0] == output && output.rowSize == channels
  }

  func difference(_ call: DifferenceCall) {
    KernelSet.best.scaleShift(
      call.inputs[0]!.base, scale: scale.pointer, shift: nil, into: call.output.base,
      rows: call.output.edits * call.output.layout.width, channels: channels)
  }
}
