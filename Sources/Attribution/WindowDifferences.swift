internal import Engine

/// Exact ISM by the cheaper exact way: difference propagation, which computes only what an edit changes (docs/numerics.md),
/// or one forward pass an edit where that costs less.
public struct WindowDifferences: WindowScorer, ~Copyable {
  private let model: WindowModel
  /// `nil` when plain passes cost less.
  private let propagator: Propagator?
  private var plain: WindowISM?

  public init(_ model: WindowModel) throws {
    let differences = try model.network.prefersDifferences(length: model.length, naiveLength: model.length)
    plain = try differences ? nil : WindowISM(model)
    propagator =
      try differences ? Propagator(model.network, length: model.length, trunk: model.trunk(.reference)) : nil
    self.model = model
  }

  public var windowsAtOnce: Int { propagator?.windowsAtOnce ?? WindowSharing.usualGroup }

  public mutating func score(_ windows: [WindowTask]) throws -> [WindowScores] {
    guard let propagator else { return try plain!.score(windows) }
    var results: [WindowScores] = []
    for index in windows.indices {
      propagator.setReference(windows[index...])
      results.append(try score(windows[index], propagator))
    }
    return results
  }

  /// - Parameter propagator: with the window as its reference.
  private func score(_ window: WindowTask, _ propagator: Propagator) throws -> WindowScores {
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
    let edits = Edit.all(in: window.codes, columns: window.columns, only: window.only)
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
