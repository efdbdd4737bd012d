internal import Engine

/// Checks scores along a strand by independent ways, each edit in a pass of its own over the bases that the outputs it moves
/// read: the self-check at load, and `--verify`. Owned by one task.
public final class StretchChecker {
  private let model: PositionModel
  private let targets: [PositionTarget]
  private let propagates, fast: Bool
  private var checkers: [PassChecker] = []
  /// What was checked so far.
  public private(set) var tally = CheckTally()

  /// - Parameter fast: whether the checked ISM may come from difference propagation.
  public init(_ model: PositionModel, targets: [PositionTarget], fast: Bool) throws {
    self.model = model
    self.targets = targets
    self.fast = fast
    propagates = try fast && model.prefersDifferences
  }

  /// Checks some scores of a stretch, of every target.
  /// - Parameters:
  ///   - edits: columns count from the stretch's first base; those of unknown bases are passed over.
  ///   - scores: of the stretch, one a target.
  /// - Throws: ``AttributionError/disagreement(_:)`` at the first score that is wrong.
  public func check(
    _ edits: [Edit], of stretch: Range<Int>, _ strand: StrandBases, _ scores: [SubstitutionScores],
    _ method: CheckedMethod
  ) throws {
    for edit in edits {
      let base = stretch.lowerBound + edit.column
      guard strand[base..<base + 1].first! < 4 else { continue }
      let span = model.window(around: base, within: strand.bounds)
      let checker = try checker(length: model.network.fixedLength ?? span.count)
      checker.setReference(strand[span])
      let moved = model.layout.outputs(movedBy: base..<base + 1).clamped(
        to: model.layout.outputs(within: strand.bounds))
      guard !moved.isEmpty else { continue }
      let entries = Entries(model.layout, moved, span, length: checker.length)
      for (number, target) in targets.enumerated() {
        let score = scores[number][Int(edit.base), edit.column]
        // A mean over weights too small to divide by is absent.
        guard !score.isNaN else { continue }
        let frozen = target.frozen(at: checker.single[model.layout.output], entries, model.layout)
        let survey = checker.surveyed(frozen)
        let claim = PassChecker.Claim(
          edit: Edit(column: base - span.lowerBound, base: edit.base), score: Double(score), target: frozen,
          name: target.rawValue, location: "\(strand.name), strand position \(base), to \(edit.letter)")
        let largest = survey.largestScore(strand[span])
        switch method {
        case .ism:
          let output = model.layout.output
          try checker.checkISM(
            claim, survey, largest: largest,
            curve: target != .probability
              ? nil
              : PassChecker.CurvedTarget(
                change: { before, after in
                  entries.all.reduce(0) { $0 + sigmoid(after[output][$1]) - sigmoid(before[output][$1]) }
                }, tangent: { [layout = model.layout] in target.frozen(at: $0[output], entries, layout) }), into: &tally
          )
        case .tism:
          guard let slopes = try checker.slopes(claim.edit, [frozen]) else { continue }
          try checker.checkTISM(claim, slope: slopes[0], largest: largest, into: &tally)
        }
      }
    }
  }

  private func checker(length: Int) throws -> PassChecker {
    if let known = checkers.first(where: { $0.length == length }) { return known }
    // Contigs shorter than a window have lengths of their own: one at a time is enough.
    if checkers.count == 2 { checkers.removeFirst() }
    checkers.append(try PassChecker(model.network, length: length, propagates: propagates, fast: fast))
    return checkers.last!
  }

  /// Entries of the outputs that an edit moves, in one pass.
  struct Entries {
    let first, stride, count: Int

    init(_ layout: PositionLayout, _ outputs: Range<Int>, _ span: Range<Int>, length: Int) {
      first = layout.entry(of: outputs.lowerBound, passStart: span.lowerBound, length: length)
      stride = layout.stride
      count = outputs.count
    }

    var all: [Int] { (0..<count).map { first + $0 * stride } }
  }
}

extension PositionTarget {
  /// The target as a linear function of the outputs that an edit moves, with weights from the float32 pass.
  func frozen(at outputs: [Float], _ entries: StretchChecker.Entries, _ layout: PositionLayout) -> FrozenTarget {
    let weights = entries.all.map { layout.activation == .plain ? 1 : sigmoid(outputs[$0]) }
    let total = self == .weightedMean ? weights.reduce(0, +) : 1
    var spread = [Double](repeating: 0, count: (entries.count - 1) * entries.stride + 1)
    for (index, weight) in weights.enumerated() {
      spread[index * entries.stride] = Double(seed(weight: weight)) / total
    }
    return FrozenTarget(parts: [.init(output: layout.output, first: entries.first, weights: spread)])
  }
}
