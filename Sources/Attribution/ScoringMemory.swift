internal import Engine

/// Bytes that one task holds while it scores, besides the scores: sessions of the networks.
public enum ScoringMemory {
  /// How a task scores.
  public enum Way: Sendable {
    case predictions
    case gradients
    case differences
    /// A forward pass an edit.
    case passes
  }

  /// Of one task with a model of one output a base.
  public static func bytes(_ model: PositionModel, _ way: Way) throws -> Int {
    let network = model.network
    let length = network.fixedLength ?? model.passLength
    // Besides full tiles, a half, a quarter, ... of one are kept; together about as much again.
    let kept = network.fixedLength == nil ? 2 : 1
    switch way {
    case .predictions: return try kept * session(network, length, .prediction)
    case .gradients: return try kept * session(network, length, .gradient)
    case .differences:
      guard try model.prefersDifferences else { return try bytes(model, .passes) }
      return try kept * (session(network, length, .prediction) + network.differenceProgram(length: length).sessionBytes)
    case .passes: return try (kept + 1) * session(network, length, .prediction)
    }
  }

  /// Of one task with a model of windows.
  public static func bytes(_ model: WindowModel, _ way: Way) throws -> Int {
    let batch = try model.batch()
    func program(_ purpose: SessionPurpose) throws -> Int {
      try model.network.program(batch: batch, length: model.length).sessionBytes(for: purpose)
        + (model.trunk(purpose)?.bytes ?? 0)
    }
    switch way {
    case .predictions, .passes: return try program(.prediction)
    case .gradients: return try program(.gradient)
    case .differences:
      guard try model.network.prefersDifferences(length: model.length, naiveLength: model.length) else {
        return try program(.prediction)
      }
      return try model.network.differenceProgram(length: model.length).sessionBytes
        + (model.trunk(.reference)?.bytes ?? 0)
    }
  }

  private static func session(_ network: Network, _ length: Int, _ purpose: SessionPurpose) throws -> Int {
    try network.program(batch: network.fixedBatch ?? 1, length: length).sessionBytes(for: purpose)
  }
}

extension PositionModel {
  /// Bases of the pass of a full tile, where the model takes any length.
  var passLength: Int { tile + 2 * layout.flank + abs(layout.offset) + layout.deficit }
}
