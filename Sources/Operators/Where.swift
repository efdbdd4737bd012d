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
    walk.forEachStretch(of: call.inputs.map(\.base)) { entries, first, count in
      let (condition, a, b, y) = (entries[0], entries[1], entries[2], call.outputs[0].base + first)
      for i in 0..<count {
        // Both are read, so that no load hangs on the condition.
        let (first, second) = (a[i], b[i])
        y[i] = condition[i] != 0 ? first : second
      }
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
        if step == 1 && conditionStep == 1 {
          for i in 0..<walk.row {
            let (old, more) = (dx[i], dx[i] + dy[i])
            dx[i] = (condition[i] != 0) == (choice == 1) ? more : old
          }
        } else {
          for i in 0..<walk.row where (condition[i * conditionStep] != 0) == (choice == 1) { dx[i * step] += dy[i] }
        }
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
    operands.eachSideBySide(call) { y, _, references, changes in
      let (condition, a, b) = (references[0], references[1], references[2])
      let (dCondition, da, db) = (changes[0], changes[1], changes[2])
      for c in 0..<y.count {
        let (wasFirst, isFirst) = (condition[c] != 0, condition[c] + dCondition[c] != 0)
        let (first, second, gap) = (da[c], db[c], a[c] - b[c])
        let own = isFirst ? first : second
        let across = isFirst ? gap + own : own - gap
        y[c] = wasFirst == isFirst ? own : across
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
