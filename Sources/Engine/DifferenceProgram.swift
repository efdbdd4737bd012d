public import NetworkGraph
internal import Tensors

/// A graph compiled for difference propagation: exact saturation mutagenesis that computes only what an edit changes.
///
/// For every value it settles which rows an edit can change and which way each operator takes: its difference rule, on those rows or
/// on whole values, or recomputing in float64 where it has none (docs/numerics.md). Immutable and shared by all sessions.
public struct DifferenceProgram: Sendable {
  /// The way an operator takes from differences of its inputs to those of its outputs.
  public enum Route: String, Sendable {
    /// The operator's own rule.
    case rule
    /// The rule for whole values: windows of rows are laid out as such first.
    case widened
    /// Evaluated again in float64 on reference plus difference, and subtracted there: always right, never fast.
    case recomputed
  }

  /// The compiled graph, every value in memory of its own.
  public let program: Program
  /// Layout of each value's differences; `nil` for constants.
  let layouts: [DifferenceLayout?]
  /// Route of each step.
  let routes: [Route]
  /// Edits that one pass carries.
  let batch: Int
  /// Neighbouring positions that an edit may change.
  public let editWidth: Int

  public var graph: Graph { program.graph }

  /// - Parameters:
  ///   - graph: for one sequence (batch 1).
  ///   - editWidth: neighbouring positions that an edit may change; more of them widen every layout.
  /// - Throws: `OperatorError` when the graph is for several sequences, or an operator cannot run.
  public init(_ graph: Graph, editWidth: Int = 1) throws(OperatorError) {
    guard graph.batch == 1 else { throw OperatorError("difference propagation takes one sequence at a time") }
    let program = try Program(asIs: graph)
    let dependences = graph.dependences(editWidth: editWidth)
    var layouts = [DifferenceLayout?](repeating: nil, count: graph.values.count)
    layouts[graph.input] = DifferenceProgram.layout(graph.values[graph.input].shape, dependences[graph.input])
    var routes: [Route] = []
    for (node, step) in zip(graph.nodes, program.steps) {
      for output in node.outputs {
        let shape = graph.values[output].shape
        // Reshapes and elementwise operators keep the rows of their input, whatever the shape says; where all rows are
        // kept, a reshape into other rows of one sequence is those.
        if step.op.aliasesInput, let input = layouts[node.inputs[0]], input.isWhole, shape.rank == 3, shape[0] == 1 {
          layouts[output] = DifferenceProgram.layout(shape, .everything)
        } else if step.op.aliasesInput || node.op.isElementwise {
          layouts[output] = layouts[node.inputs[0]]
        } else {
          layouts[output] = DifferenceProgram.layout(shape, dependences[output])
        }
      }
      guard node.outputs.count == 1, let rule = step.op as? any DifferenceOperator else {
        routes.append(.recomputed)
        continue
      }
      let output = node.outputs[0]
      if rule.hasDifferenceRule(inputs: node.inputs.map { layouts[$0] }, output: layouts[output]!) {
        routes.append(.rule)
        continue
      }
      let whole = DifferenceProgram.layout(graph.values[output].shape, .everything)!
      let wideInputs = node.inputs.map { value in
        layouts[value].map { _ in DifferenceProgram.layout(graph.values[value].shape, .everything)! }
      }
      if rule.hasDifferenceRule(inputs: wideInputs, output: whole) {
        layouts[output] = whole
        routes.append(.widened)
      } else {
        routes.append(.recomputed)
      }
    }
    self.program = program
    self.layouts = layouts
    self.routes = routes
    self.editWidth = editWidth
    // Large dense weights are read once a batch, which then counts for more than blocks that stay in a core's own cache.
    // Measured, edits a second: 2^19 floats a block instead of 2^18, Basset 1.6 and DeepSEA 1.25 times as many; 2^21 with
    // the 44 million weights of DanQ, 3 times as many as with 2^19.
    let products = program.steps.filter { $0.op.gainsFromBatches }.map { $0.op.multiplyAdds }.max()
    let floats = products.map { min(1 << 21, max(1 << 19, $0)) } ?? 1 << 18
    let largest = layouts.compactMap { $0?.count }.max() ?? 1
    batch = max(3, min(96, floats / max(1, largest) / 3 * 3))
  }

  private static func layout(_ shape: Shape, _ dependence: Dependence) -> DifferenceLayout? {
    switch dependence {
    case .nothing: return nil
    case .window(var window) where shape.dims[..<window.axis].allSatisfy { $0 == 1 }:
      let rows = shape[window.axis]
      let width = (window.back + window.ahead) / window.step + 1
      let rowSize = shape.dims[(window.axis + 1)...].reduce(1, *)
      // Which axis the rows are does not matter from here on: a batch axis of length 1 may come first or not.
      window.axis = 1
      // Behind causal attention every row from the first changed one on is kept, which may lie before row 0.
      if !window.isBounded {
        return DifferenceLayout(
          rows: rows, rowSize: rowSize, width: rows + max(0, window.ahead / window.step), window: window)
      }
      return width >= rows
        ? .full(rows: rows, rowSize: rowSize)
        : DifferenceLayout(rows: rows, rowSize: rowSize, width: width, window: window)
    default:
      // Rows of channels, with the one sequence as an axis or folded into them, as exporters write dense layers on rows.
      let rows =
        switch shape.rank {
        case 3 where shape[0] == 1: shape[1]
        case 3 where shape[1] == 1: shape[0]
        case 2: shape[0]
        default: 1
        }
      return .full(rows: rows, rowSize: rows == 0 ? 0 : shape.count / rows)
    }
  }

  /// The rule that a step takes, or `nil` when it is recomputed.
  func rule(of step: Int) -> (any DifferenceOperator)? {
    routes[step] == .recomputed ? nil : program.steps[step].op as? any DifferenceOperator
  }

  /// The layouts in which a step's rule gets its inputs.
  func inputLayouts(of step: Int) -> [DifferenceLayout?] {
    program.steps[step].inputs.map { value in
      guard layouts[value] != nil, routes[step] == .widened else { return layouts[value] }
      return DifferenceProgram.layout(graph.values[value].shape, .everything)
    }
  }

  /// Floats of the inputs of a step that are laid out anew for one edit.
  func widenedCount(of step: Int) -> Int {
    zip(program.steps[step].inputs, inputLayouts(of: step)).reduce(0) { sum, input in
      layouts[input.0] == input.1 || layouts[input.0]!.isWhole ? sum : sum + input.1!.count
    }
  }

  /// Multiply-adds of a step for one edit, or `nil` when it is recomputed.
  func ruleMultiplyAdds(of step: Int) -> Int? {
    rule(of: step)?.differenceMultiplyAdds(
      inputs: inputLayouts(of: step), output: layouts[program.steps[step].outputs[0]]!)
  }

  /// Multiply-adds of one edit, without the reference pass. A recomputed operator counts in full.
  public var multiplyAddsPerEdit: Int {
    program.steps.indices.reduce(0) { $0 + (ruleMultiplyAdds(of: $1) ?? program.steps[$1].op.multiplyAdds) }
  }

  /// How many float32 multiply-adds in a kernel take the time of one operation of the plain float64 evaluation.
  public static let recomputingPenalty = 64

  /// ``multiplyAddsPerEdit`` with what is recomputed in float64 counted more often: what budgets that are counted in operations
  /// go by.
  public var costPerEdit: Int {
    program.steps.indices.reduce(0) { sum, index in
      if let own = ruleMultiplyAdds(of: index) { return sum + own }
      let (inputs, outputs) = elements(of: index)
      return sum + Self.recomputingPenalty * max(program.steps[index].op.multiplyAdds, inputs + outputs)
    }
  }

  /// Time of one edit in multiply-adds of the linear kernels. From shapes and operation counts alone, so that which way is
  /// taken is the same on every machine.
  public var kernelTimePerEdit: Int { program.steps.indices.reduce(0) { $0 + kernelTime(of: $1) } }

  /// Of one step.
  func kernelTime(of index: Int) -> Int {
    let step = program.steps[index]
    if let own = ruleMultiplyAdds(of: index), let rule = rule(of: index) {
      return rule.timePerDifferenceOperation * max(own, layouts[step.outputs[0]]!.count) + 16 * widenedCount(of: index)
    }
    // The plain evaluation copies its inputs and finds each element by its index: measured, about 0.4 ns an input, 90 ns an
    // output and 4 ns an operation.
    let (inputs, outputs) = elements(of: index)
    return 50 * inputs + 10_000 * outputs + 500 * step.op.multiplyAdds
  }

  private func elements(of index: Int) -> (inputs: Int, outputs: Int) {
    let step = program.steps[index]
    return (
      step.inputs.reduce(0) { $0 + graph.values[$1].shape.count },
      step.outputs.reduce(0) { $0 + graph.values[$1].shape.count }
    )
  }

  /// Multiply-adds of the reference pass.
  public var multiplyAdds: Int { program.multiplyAdds }

  /// Names and operators of the nodes that are recomputed in float64.
  public var recomputed: [(name: String, kind: String)] {
    zip(graph.nodes, routes).filter { $0.1 == .recomputed }.map { ($0.0.name, $0.0.op.kind) }
  }
}
