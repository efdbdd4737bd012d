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
  /// Time of one edit in multiply-adds of the linear kernels.
  public let kernelTime: Int
}

extension DifferenceProgram {
  /// The steps that do work, in order. Operators that only give a value another shape are left out.
  public var plan: [PlannedStep] {
    program.steps.indices.filter { !program.steps[$0].op.aliasesInput }.map { index in
      let (node, step) = (graph.nodes[index], program.steps[index])
      return PlannedStep(
        name: node.name, kind: node.op.kind, route: routes[index],
        rows: layouts[node.outputs[0]].map { (min($0.width, $0.rows), $0.rows) },
        multiplyAdds: ruleMultiplyAdds(of: index) ?? step.op.multiplyAdds, multiplyAddsInFull: step.op.multiplyAdds,
        kernelTime: kernelTime(of: index))
    }
  }
}
