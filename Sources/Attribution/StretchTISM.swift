internal import Engine

/// TISM along a strand: for each tile one forward pass and one backward pass a target.
///
/// The backward pass is seeded at every output that an edit of the tile can move, so each base's gradient is complete.
public struct StretchTISM: StretchScorer, ~Copyable {
  private let targets: [PositionTarget]
  private var passes: ReferencePasses

  /// - Throws: a target that the model's outputs do not allow.
  public init(_ model: PositionModel, targets: [PositionTarget]) throws(AttributionError) {
    try model.check(targets)
    self.targets = targets
    passes = ReferencePasses(model, for: .gradient)
  }

  public mutating func score(_ stretch: Range<Int>, of strand: StrandBases) throws -> StretchScores {
    var result = StretchScores(
      predictions: [], substitutions: targets.map { _ in SubstitutionScores(length: stretch.count) }, newSites: [])
    for tile in passes.tiles(of: stretch) {
      let (track, span, runner) = try passes.run(tile, of: strand)
      result.predictions += track.predictions(of: tile, layout: passes.model.layout)
      for (number, target) in targets.enumerated() {
        let scores = try Self.tism(target, tile, track, span, runner, strand, passes.model.layout)
        result.substitutions[number].replace(from: tile.lowerBound - stretch.lowerBound, with: scores)
      }
    }
    return result
  }

  private static func tism(
    _ target: PositionTarget, _ tile: Range<Int>, _ track: ReferenceTrack, _ span: Range<Int>, _ runner: Runner,
    _ strand: StrandBases, _ layout: PositionLayout
  ) throws -> SubstitutionScores {
    let reached = layout.outputs(movedBy: tile).clamped(to: track.outputs)
    var seeds = [Float](repeating: 0, count: runner.counts[layout.output] * runner.batch)
    for output in reached {
      seeds[layout.entry(of: output, passStart: span.lowerBound, length: runner.length)] = target.seed(
        weight: track.weights.isEmpty ? 1 : track.weight(output))
    }
    let columns = tile.lowerBound - span.lowerBound..<tile.upperBound - span.lowerBound
    var scores = try runner.gradient(seeds: [(layout.output, seeds)], of: columns) { gradient in
      let own = gradient[columns.lowerBound * 4..<columns.upperBound * 4]
      if let bad = own.firstIndex(where: { !$0.isFinite }) {
        throw AttributionError.notFinite(
          quantity: "gradient", location: "\(strand.name), strand position \(span.lowerBound + bad / 4)",
          target: target.rawValue)
      }
      return SubstitutionScores(gradient: own, reference: strand[tile])
    }
    if target == .weightedMean { scores.divideByWeights(tile, strand, track, layout) }
    return scores
  }
}

extension PositionTarget {
  /// Derivative of the summand with respect to `F`, with `w = sigmoid(F)` at the reference.
  func seed(weight w: Double) -> Float {
    switch self {
    case .weighted, .weightedMean: Float(w)
    case .probability: Float(w * (1 - w))
    case .logit: 1
    }
  }

  /// Change of the summand when an output moves from `before` to `after`.
  @inline(__always)
  func change(from before: Float, to after: Float, weight w: Double) -> Double {
    switch self {
    case .weighted, .weightedMean: w * (Double(after) - Double(before))
    case .probability: sigmoid(after) - w
    case .logit: Double(after) - Double(before)
    }
  }
}

extension PositionModel {
  /// Weights are probabilities of sites: other outputs can only be summed plainly.
  func check(_ targets: [PositionTarget], newSites: Bool = false) throws(AttributionError) {
    if newSites, layout.activation == .plain {
      throw .wrongKindOfTarget(
        target: Reduction.newSite.rawValue, reason: "the model's outputs are no logits, so there are no sites")
    }
    for target in targets where target != .logit && layout.activation == .plain {
      throw .wrongKindOfTarget(
        target: target.rawValue,
        reason: "the model's outputs are no logits (activation none), so sites have no weights; use --target logit, "
          + "the plain sum")
    }
  }
}

extension SubstitutionScores {
  /// Puts `part` at columns `first...`.
  public mutating func replace(from first: Int, with part: SubstitutionScores) {
    for base in 0..<4 { for column in 0..<part.length { self[base, first + column] = part[base, column] } }
  }

  /// Turns `sum of w F` into a mean: absent (NaN at the alternates) where the weights are too small to divide by.
  mutating func divideByWeights(
    _ bases: Range<Int>, _ strand: StrandBases, _ track: ReferenceTrack, _ layout: PositionLayout
  ) {
    for (column, base) in bases.enumerated() {
      let reached = layout.outputs(movedBy: base..<base + 1).clamped(to: track.outputs)
      let weight = track.weightSum(reached)
      let reference = strand[base..<base + 1].first!
      for row in 0..<4 where reference < 4 && row != Int(reference) {
        self[row, column] =
          weight < PositionTarget.smallestWeight ? .nan : Float(Double(self[row, column]) / weight)
      }
    }
  }
}
