public import NetworkGraph
public import Tensors

/// `condition ? a : b` element by element; the three broadcast to one shape. The condition takes no gradient.
public struct Where: NetworkOperator {
  public init() {}

  public var kind: String { "Where" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard let choices = inputs[1].broadcast(with: inputs[2]), let shape = inputs[0].broadcast(with: choices) else {
      throw OperatorError("shapes \(inputs) do not broadcast")
    }
    return [shape]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let shapes = inputs.map(\.shape)
    let output = try outputShapes(for: shapes)[0]
    let (condition, a, b) = (inputs[0].values, inputs[1].values, inputs[2].values)
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      let first = condition[shapes[0].offset(broadcastTo: index)] != 0
      y.append(first ? a[shapes[1].offset(broadcastTo: index)] : b[shapes[2].offset(broadcastTo: index)])
    }
    return [ConstantTensor(shape: output, kind: inputs[1].kind, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard let output = try? outputShapes(for: shapes)[0] else { return [.everything] }
    return [broadcastDependence(inputs, shapes: shapes, to: output)]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (self, [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let shapes = operands.map(\.shape)
    let output = try outputShapes(for: shapes)[0]
    return CompiledWhere(
      walk: StridedWalk(broadcasting: shapes, to: output), operands: RowOperands(shapes: shapes, output: output))
  }
}

struct CompiledWhere: CompiledOperator {
  /// Condition, both choices, output.
  let walk: StridedWalk
  let operands: RowOperands

  var multiplyAdds: Int { walk.count }

  func forward(_ call: ForwardCall) {
    let steps = (walk.rowStrides[0], walk.rowStrides[1], walk.rowStrides[2])
    walk.forEachRow { offsets in
      let condition = call.inputs[0].base + offsets[0]
      let (a, b) = (call.inputs[1].base + offsets[1], call.inputs[2].base + offsets[2])
      let y = UnsafeMutableBufferPointer(start: call.outputs[0].base + offsets[3], count: walk.row)
      for i in 0..<y.count { y[i] = condition[i * steps.0] != 0 ? a[i * steps.1] : b[i * steps.2] }
    }
  }

  func backward(_ call: BackwardCall) {
    for target in call.inputGradients {
      if let target, !target.adds { target.view.elements.update(repeating: 0) }
    }
    for choice in 1...2 {
      guard let target = call.inputGradients[choice] else { continue }
      let (step, conditionStep) = (walk.rowStrides[choice], walk.rowStrides[0])
      walk.forEachRow { offsets in
        let condition = call.inputs[0].base + offsets[0]
        let dx = target.view.base + offsets[choice]
        let dy = call.outputGradients[0].base + offsets[3]
        for i in 0..<walk.row where (condition[i * conditionStep] != 0) == (choice == 1) { dx[i * step] += dy[i] }
      }
    }
  }
}

/// The chosen operand's own difference; where the choice changes, what the new one has over the old one.
extension CompiledWhere: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    inputs.indices.allSatisfy { operands.fits($0, inputs[$0], output) }
  }

  func difference(_ call: DifferenceCall) {
    operands.eachRow(call) { y, edit, row in
      let condition = operands.reference(call, operand: 0, row: row)
      let a = operands.reference(call, operand: 1, row: row)
      let b = operands.reference(call, operand: 2, row: row)
      let dCondition = operands.change(call, operand: 0, edit, row: row)
      let da = operands.change(call, operand: 1, edit, row: row)
      let db = operands.change(call, operand: 2, edit, row: row)
      for c in 0..<y.count {
        let old = condition[c]
        let (wasFirst, isFirst) = (old != 0, old + (dCondition?[c] ?? 0) != 0)
        let own = (isFirst ? da : db)?[c] ?? 0
        y[c] = wasFirst == isFirst ? own : isFirst ? (a[c] - b[c]) + own : own - (a[c] - b[c])
      }
    }
  }
}

/// What an element of `output` reads that is made from the elements of operands that broadcast to its index.
func broadcastDependence(_ inputs: [Dependence], shapes: [Shape], to output: Shape) -> Dependence {
  Dependence.union(
    zip(inputs, shapes).map { dependence, shape in
      guard case .window(var window) = dependence else { return dependence }
      let axis = window.axis + output.rank - shape.rank
      // A position axis of length 1 that is spread over others no longer marks positions.
      guard shape[window.axis] == output[axis] else { return .everything }
      window.axis = axis
      return .window(window)
    })
}
