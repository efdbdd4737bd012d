public import NetworkGraph
internal import Operators
public import Tensors

/// A graph compiled for this machine: packed weights and the order of steps, immutable and shared by all sessions.
public struct Program: Sendable {
  /// One node, ready to run.
  struct Step: Sendable {
    let op: any CompiledOperator
    let inputs: [Graph.ValueID]
    let outputs: [Graph.ValueID]
  }

  /// The graph as it runs.
  public let graph: Graph
  let steps: [Step]
  /// Storage of the constant values that steps read.
  let constants: [Graph.ValueID: AlignedFloats]

  /// Shape of the one-hot input, `[batch, length, 4]`.
  public var inputShape: Shape { graph.values[graph.input].shape }
  /// Shape of each output, batch axis first.
  public var outputShapes: [Shape] { graph.outputs.map { graph.values[$0].shape } }
  /// Name of each output in the model file.
  public var outputNames: [String] { graph.outputs.map { graph.values[$0].name } }

  /// Multiply-adds of one forward pass.
  public var multiplyAdds: Int { steps.reduce(0) { $0 + $1.op.multiplyAdds } }

  /// Time of one forward pass in multiply-adds of the linear kernels. From shapes and operation counts alone, so that what is
  /// decided by it is the same on every machine.
  public var kernelTime: Int {
    steps.reduce(0) { sum, step in
      if step.op.aliasesInput { return sum }
      let elements = step.outputs.reduce(0) { $0 + graph.values[$1].shape.count }
      return sum + step.op.timePerOperation * max(step.op.multiplyAdds, elements)
    }
  }

  /// Multiply-adds that stand one after the other in one output element of each step, added over the steps: roundings of a
  /// value that passes through all of them have a relative standard deviation of about the root of this.
  public var chainLength: Double {
    zip(graph.nodes, steps).reduce(0) { sum, pair in
      let elements = pair.0.outputs.reduce(0) { $0 + graph.values[$1].shape.count }
      return sum + (pair.1.op.aliasesInput ? 0 : max(1, Double(pair.1.op.multiplyAdds) / Double(max(1, elements))))
    }
  }

  /// True when several sequences a run are faster than one.
  public var gainsFromBatches: Bool {
    steps.contains { $0.op.gainsFromBatches } && !steps.contains { $0.op.needsSingleSequence }
  }

  /// - Throws: `OperatorError`, naming the node, when an operator cannot run with these shapes.
  public init(_ graph: Graph) throws(OperatorError) { try self.init(asIs: graph.fusingRelu()) }

  /// Compiles the graph as it is, so that every value keeps its own memory.
  public init(asIs graph: Graph) throws(OperatorError) {
    var steps: [Step] = []
    var constants: [Graph.ValueID: AlignedFloats] = [:]
    for node in graph.nodes {
      let operands = node.inputs.map { Operand(shape: graph.values[$0].shape, constant: graph.values[$0].constant) }
      do {
        steps.append(Step(op: try node.op.compile(operands), inputs: node.inputs, outputs: node.outputs))
      } catch {
        throw OperatorError("node \(node.name) (\(node.op.kind)): \(error.description)")
      }
      for value in node.inputs where constants[value] == nil {
        constants[value] = graph.values[value].constant.map { AlignedFloats($0.floats) }
      }
    }
    for value in graph.outputs where constants[value] == nil {
      constants[value] = graph.values[value].constant.map { AlignedFloats($0.floats) }
    }
    self.graph = graph
    self.steps = steps
    self.constants = constants
  }

  /// Bytes of activations and gradients that one session of this purpose holds.
  public func sessionBytes(for purpose: SessionPurpose) -> Int {
    MemoryPlan(self, purpose: purpose).count * MemoryLayout<Float>.stride
  }
}
