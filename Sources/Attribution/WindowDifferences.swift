internal import Engine

/// Exact ISM by difference propagation: only what an edit changes is computed (docs/numerics.md).
public struct WindowDifferences: WindowScorer, ~Copyable {
  private let model: WindowModel
  private let propagator: Propagator

  public init(_ model: WindowModel) throws {
    self.model = model
    propagator = try Propagator(model.network, length: model.length)
  }

  public mutating func score(_ windows: [WindowTask]) throws -> [WindowScores] {
    var results: [WindowScores] = []
    for window in windows { results.append(try score(window)) }
    return results
  }

  private func score(_ window: WindowTask) throws -> WindowScores {
    propagator.setReference(window.codes)
    let reference = model.network.outputs.indices.map { index -> ArraySlice<Float> in
      model.outputs.contains(index) ? propagator.output(index)[...] : []
    }
    let frozen = model.targets.map { $0.frozen(at: reference) }
    var predictions: [Float] = []
    for (target, weights) in zip(model.targets, frozen) {
      predictions.append(
        try finite(Float(weights.value(of: reference)), "prediction", window.location, target.name))
    }
    var scores = model.targets.map { _ in SubstitutionScores(length: window.columns.count) }
    let edits = Edit.all(in: window.codes, columns: window.columns)
    propagator.propagate(edits) { index, changes in
      let edit = edits[index]
      for number in frozen.indices {
        scores[number][Int(edit.base), edit.column - window.columns.lowerBound] =
          Float(frozen[number].change(of: changes))
      }
    }
    for (number, target) in model.targets.enumerated() {
      guard let bad = scores[number].values.firstIndex(where: { !$0.isFinite }) else { continue }
      let column = window.columns.lowerBound + bad % scores[number].length
      throw AttributionError.notFinite(
        quantity: "ISM", location: "\(window.location), column \(column)", target: target.name)
    }
    return WindowScores(predictions: predictions, substitutions: scores)
  }
}

extension FrozenTarget {
  /// What one edit changes in the target's value, summed in float64 in order of the entries.
  func change(of changes: OutputChanges) -> Double {
    var sum = 0.0
    for part in parts {
      let (first, values) = changes.changes(ofOutput: part.output)
      let range = (first..<first + values.count).clamped(to: part.first..<part.first + part.weights.count)
      for entry in range { sum += part.weights[entry - part.first] * Double(values[entry - first]) }
    }
    return sum
  }
}
