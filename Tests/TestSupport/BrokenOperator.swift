public import NetworkGraph
public import Tensors

/// What can go wrong in an operator while its forward pass stays right.
public enum Fault: CaseIterable, Sendable {
  case scaledDifference, droppedDifferenceRow, scaledGradient, droppedGradientRow

  public var isInDifferences: Bool { self == .scaledDifference || self == .droppedDifferenceRow }
}

/// A real operator with a fault in its difference rule or its vector-Jacobian product.
public struct BrokenOperator: NetworkOperator {
  let base: any NetworkOperator
  let fault: Fault

  public var kind: String { base.kind }
  public var isElementwise: Bool { base.isElementwise }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] { try base.outputShapes(for: inputs) }
  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    try base.evaluate(inputs)
  }
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    base.dependence(of: inputs, shapes: shapes)
  }
  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    Compiled(base: try base.compile(operands) as! any DifferenceOperator, fault: fault)
  }

  struct Compiled: DifferenceOperator {
    let base: any DifferenceOperator
    let fault: Fault

    var multiplyAdds: Int { base.multiplyAdds }
    var scratchCount: Int { base.scratchCount }
    var roundsOnce: Bool { base.roundsOnce }
    var differenceStateCount: Int { base.differenceStateCount }
    var differenceScratchCount: Int { base.differenceScratchCount }
    func prepareDifferences(
      inputs: [TensorView], output: TensorView, state: UnsafeMutablePointer<Float>,
      scratch: UnsafeMutablePointer<Float>
    ) {
      base.prepareDifferences(inputs: inputs, output: output, state: state, scratch: scratch)
    }
    func forward(_ call: ForwardCall) { base.forward(call) }
    func forwardPrecisely(_ call: ForwardCall) { base.forwardPrecisely(call) }

    func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
      base.hasDifferenceRule(inputs: inputs, output: output)
    }
    func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int {
      base.differenceMultiplyAdds(inputs: inputs, output: output)
    }

    func difference(_ call: DifferenceCall) {
      base.difference(call)
      let (output, size) = (call.output, call.output.layout.rowSize)
      for edit in 0..<output.edits {
        let rows = output.rows(of: edit)
        switch fault {
        case .scaledDifference: for i in 0..<output.layout.count { rows[i] *= 1.01 }
        // The middle of what an edit changes: always inside, and rarely nothing.
        case .droppedDifferenceRow: (rows + output.layout.width / 2 * size).update(repeating: 0, count: size)
        case .scaledGradient, .droppedGradientRow: break
        }
      }
    }

    func backward(_ call: BackwardCall) {
      let gradient = call.outputGradients[0]
      switch fault {
      case .scaledGradient: for i in 0..<gradient.shape.count { gradient.base[i] *= 1.01 }
      case .droppedGradientRow:
        // The one of the first sequence that matters most; the middle one could be off for this sequence.
        let (size, rows) = (gradient.shape.dims.last!, gradient.shape.rank == 3 ? gradient.shape[1] : 1)
        let row = (0..<rows).max { weight(gradient.base + $0 * size, size) < weight(gradient.base + $1 * size, size) }!
        (gradient.base + row * size).update(repeating: 0, count: size)
      case .scaledDifference, .droppedDifferenceRow: break
      }
      base.backward(call)
    }

    private func weight(_ row: UnsafeMutablePointer<Float>, _ size: Int) -> Float {
      (0..<size).reduce(0) { $0 + abs(row[$1]) }
    }
  }
}

extension Graph {
  /// Puts a fault into the nodes of a given name.
  public func breaking(_ name: String, _ fault: Fault?) -> Graph {
    guard let fault else { return self }
    var graph = self
    for index in nodes.indices where nodes[index].name == name {
      graph.nodes[index].op = BrokenOperator(base: nodes[index].op, fault: fault)
    }
    return graph
  }
}
