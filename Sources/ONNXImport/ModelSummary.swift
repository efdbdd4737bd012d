internal import Tensors

/// What a model file says about itself.
public struct ModelSummary: Hashable, Sendable {
  /// Operators and how many nodes use each, the most frequent first; operators outside the standard set with their domain.
  public struct OperatorCount: Hashable, Sendable {
    public let op: String
    public let nodes: Int
  }

  /// The exporter, for example `pytorch`.
  public let producerName: String
  public let producerVersion: String
  public let irVersion: Int
  /// Version of each operator set, by domain; the standard one has an empty name.
  public let opsets: [String: Int]
  public let operatorCounts: [OperatorCount]
  public let parameterCount: Int

  init(_ source: ModelSource) {
    producerName = source.producerName
    producerVersion = source.producerVersion
    irVersion = source.irVersion
    opsets = source.opsets
    parameterCount = source.initializers.values.reduce(0) { $0 + $1.shape.count }
    var counts: [String: Int] = [:]
    for node in source.nodes {
      counts[
        ONNXNode.standardDomains.contains(node.domain) ? node.opType : "\(node.domain).\(node.opType)", default: 0] += 1
    }
    operatorCounts = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { OperatorCount(op: $0.key, nodes: $0.value) }
  }
}
