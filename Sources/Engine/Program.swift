public import NetworkGraph
public import Tensors

/// A graph compiled for this machine: packed weights and a plan of memory, immutable and shared by all sessions.
public struct Program: Sendable {
  /// The graph as it runs, after rewriting.
  public let graph: Graph
  /// Shape of the one-hot input, `[batch, length, 4]`.
  public var inputShape: Shape { graph.values[graph.input].shape }
  /// Shape of each output, batch axis first.
  public var outputShapes: [Shape] { graph.outputs.map { graph.values[$0].shape } }
  /// Name of each output in the model file.
  public var outputNames: [String] { graph.outputs.map { graph.values[$0].name } }

  /// - Throws: `OperatorError` when an operator cannot run on this machine with these shapes.
  public init(_ graph: Graph) throws(OperatorError) {
    self.graph = graph
  }
}
