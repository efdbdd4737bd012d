internal import NetworkGraph
internal import Tensors

/// How difference propagation takes one operator, and what it is predicted to cost an edit.
public struct PlannedStep: Sendable {
  /// The node's name in the model file.
  public let name: String
  /// Its operator.
  public let kind: String
  public let route: DifferenceProgram.Route
  /// Rows that an edit can change, of all rows of the result; `nil` when none depends on the sequence.
  public let rows: (changed: Int, of: Int)?
  /// Of one edit.
  public let multiplyAdds: Int
  /// Of one full pass.
  public let multiplyAddsInFull: Int
}

extension DifferenceProgram {
  /// The steps that do work, in order. Operators that only give a value another shape are left out.
  public var plan: [PlannedStep] {
    zip(zip(graph.nodes, program.steps), routes).filter { !$0.0.1.op.aliasesInput }.map { pair, route in
      let (node, step) = pair
      let layout = layouts[node.outputs[0]]
      let rule = route == .rule ? step.op as? any DifferenceOperator : nil
      return PlannedStep(
        name: node.name, kind: node.op.kind, route: route, rows: layout.map { ($0.width, $0.rows) },
        multiplyAdds: rule.map {
          $0.differenceMultiplyAdds(inputs: step.inputs.map { layouts[$0] }, output: layout!)
        } ?? step.op.multiplyAdds,
        multiplyAddsInFull: step.op.multiplyAdds)
    }
  }
}
