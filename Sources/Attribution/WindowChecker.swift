internal import Engine

/// Checks scores of windows by independent ways: the self-check at load, and `--verify`. Owned by one task.
public final class WindowChecker {
  private let model: WindowModel
  private let checker: PassChecker
  /// What was checked so far.
  public private(set) var tally = CheckTally()

  /// - Parameter fast: whether the checked ISM may come from difference propagation.
  public init(_ model: WindowModel, fast: Bool) throws {
    self.model = model
    checker = try PassChecker(
      model.network, length: model.length,
      propagates: fast && model.network.prefersDifferences(length: model.length, naiveLength: model.length), fast: fast)
  }

  /// Checks some scores of a window, of every target.
  /// - Parameter edits: columns of the window; those of unknown bases are passed over.
  /// - Throws: ``AttributionError/disagreement(_:)`` at the first score that is wrong.
  public func check(_ edits: [Edit], of window: WindowTask, _ scores: WindowScores, _ method: CheckedMethod) throws {
    let edits = edits.filter { window.codes[window.codes.startIndex + $0.column] < 4 }
    guard !edits.isEmpty else { return }
    checker.setReference(window.codes)
    // Targets are frozen where the scorers freeze them.
    let reference = (method == .ism && checker.propagates ? checker.precise : checker.single).map { $0[...] }
    let frozen = model.targets.map { $0.frozen(at: reference) }
    let surveys = frozen.map { checker.surveyed($0) }
    let largest = surveys.map { $0.largestScore(window.codes) }
    for edit in edits {
      func claim(_ number: Int) -> PassChecker.Claim {
        PassChecker.Claim(
          edit: edit,
          score: Double(scores.substitutions[number][Int(edit.base), edit.column - window.columns.lowerBound]),
          target: frozen[number], name: model.targets[number].name,
          location: "\(window.location), column \(edit.column), to \(edit.letter)")
      }
      switch method {
      case .ism:
        for number in frozen.indices {
          try checker.checkISM(claim(number), surveys[number], largest: largest[number], into: &tally)
        }
      case .tism:
        guard let slopes = try checker.slopes(edit, frozen) else { return }
        for (number, slope) in slopes.enumerated() {
          try checker.checkTISM(claim(number), slope: slope, largest: largest[number], into: &tally)
        }
      }
    }
  }
}

extension Edit {
  /// The base that is put in, as a letter.
  var letter: Character { ["A", "C", "G", "T"][Int(base)] }
}
