internal import Engine

/// Scores of one sequence whose columns were replaced.
public struct ReplacementScores: Sendable {
  /// The targets' values at the reference.
  public let predictions: [Float]
  /// One array a target, one score a start.
  public let scores: [[Float]]
}

/// Replacements of neighbouring columns of windows, exactly: by difference propagation, or by one forward pass a start
/// (the oracle, and the cheaper way for some models).
public struct WindowReplacement: ~Copyable {
  private let model: WindowModel
  private let replacement: Replacement
  /// `nil` when plain passes are wanted or cost less.
  private let propagator: Propagator?
  private let runner: Runner?

  /// - Parameter naive: one forward pass a start in any case.
  public init(_ model: WindowModel, _ replacement: Replacement, naive: Bool = false) throws {
    let plain =
      try naive
      || !model.network.prefersDifferences(
        length: model.length, naiveLength: model.length, editWidth: replacement.width)
    let propagator =
      plain ? nil : try Propagator(model.network, length: model.length, editWidth: replacement.width)
    let runner =
      plain ? try Runner(model.network, batch: model.batch(), length: model.length, for: .prediction) : nil
    self.model = model
    self.replacement = replacement
    self.propagator = propagator
    self.runner = runner
  }

  /// - Parameters:
  ///   - codes: base codes of a window; fewer than the model's length are followed by zero columns.
  ///   - location: where the window is, for messages.
  public func score(_ codes: ArraySlice<UInt8>, location: String) throws -> ReplacementScores {
    let starts = replacement.starts(in: codes.count)
    let reference: [ArraySlice<Float>]
    if let propagator {
      propagator.setReference(codes)
      reference = model.network.outputs.indices.map { model.outputs.contains($0) ? propagator.output($0)[...] : [] }
    } else {
      runner!.forward([codes])
      reference = runner!.outputs(model.outputs).sequence(0)
    }
    let frozen = model.targets.map { $0.frozen(at: reference) }
    let values = frozen.map { $0.value(of: reference) }
    let predictions = try zip(values, model.targets).map { value, target in
      try finite(Float(value), "prediction", location, target.name)
    }
    var scores = model.targets.map { _ in [Float](repeating: 0, count: starts.count) }
    if let propagator {
      propagator.propagate(starts.map { replacement.edit(of: codes, at: $0) }) { index, changes in
        for number in frozen.indices { scores[number][index] = Float(frozen[number].change(of: changes)) }
      }
    } else {
      for first in stride(from: 0, to: starts.count, by: runner!.batch) {
        let group = Array(first..<min(starts.count, first + runner!.batch))
        runner!.forward(group.map { replacement.applied(to: codes, at: $0) })
        let outputs = runner!.outputs(model.outputs)
        for (row, start) in group.enumerated() {
          let entries = outputs.sequence(row)
          for number in frozen.indices {
            scores[number][start] = Float(frozen[number].value(of: entries) - values[number])
          }
        }
      }
    }
    for (number, target) in model.targets.enumerated() {
      guard let bad = scores[number].firstIndex(where: { !$0.isFinite }) else { continue }
      throw AttributionError.notFinite(
        quantity: "ISM", location: "\(location), replacement at column \(bad)", target: target.name)
    }
    return ReplacementScores(predictions: predictions, scores: scores)
  }
}
