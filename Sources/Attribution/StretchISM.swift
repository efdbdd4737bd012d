internal import Engine

/// Exact ISM along a strand the plain way: for each edit a forward pass over the bases that the outputs it moves read.
///
/// Kept for good as the oracle of every faster way. Outputs that an edit cannot move are not summed.
public struct StretchISM: ExactStretchScorer, ~Copyable {
  private let targets: [PositionTarget]
  private let newSites: Bool
  private var passes: ReferencePasses
  private var runner: Runner?

  /// - Parameter newSites: also give the largest rise of any output's probability.
  /// - Throws: a target that the model's outputs do not allow.
  public init(_ model: PositionModel, targets: [PositionTarget], newSites: Bool = false) throws(AttributionError) {
    try model.check(targets, newSites: newSites)
    self.targets = targets
    self.newSites = newSites
    passes = ReferencePasses(model, for: .prediction)
  }

  public mutating func score(_ stretch: Range<Int>, of strand: StrandBases, only mask: EditMask?) throws
    -> StretchScores
  {
    var result = StretchScores(
      predictions: [], substitutions: targets.map { _ in SubstitutionScores(length: stretch.count) },
      newSites: newSites ? [Float](repeating: .nan, count: stretch.count) : [])
    for tile in passes.tiles(of: stretch) {
      let edits = Edit.wanted(of: tile, in: strand, from: stretch.lowerBound, only: mask).map {
        (base: $0.column, to: $0.base)
      }
      if mask != nil, edits.isEmpty { continue }
      let track = try passes.run(tile, of: strand).track
      result.predictions += track.predictions(of: tile, layout: passes.model.layout)
      try score(edits, track, strand, from: stretch.lowerBound, into: &result)
    }
    return result
  }

  private mutating func score(
    _ edits: [(base: Int, to: UInt8)], _ track: ReferenceTrack, _ strand: StrandBases, from first: Int,
    into result: inout StretchScores
  ) throws {
    let model = passes.model
    let layout = model.layout
    let runner = try editRunner(within: strand.bounds)
    for start in stride(from: 0, to: edits.count, by: runner.batch) {
      let group = edits[start..<min(edits.count, start + runner.batch)]
      let spans = group.map { model.window(around: $0.base, within: strand.bounds) }
      runner.forward(
        zip(group, spans).map { edit, span in
          var codes = Array(strand[span])
          codes[edit.base - span.lowerBound] = edit.to
          return codes[...]
        })
      for (row, (edit, span)) in zip(group, spans).enumerated() {
        let reached = layout.outputs(movedBy: edit.base..<edit.base + 1).clamped(to: track.outputs)
        let edited = runner.withOutput(layout.output) {
          ReferenceTrack(
            reached, from: $0, row: row, entries: runner.counts[layout.output], span: span, layout: layout,
            weighted: false)
        }
        try edited.checkFinite(in: strand)
        record(edit, reached, track, edited, column: edit.base - first, into: &result)
      }
    }
  }

  private func record(
    _ edit: (base: Int, to: UInt8), _ reached: Range<Int>, _ track: ReferenceTrack, _ edited: ReferenceTrack,
    column: Int, into result: inout StretchScores
  ) {
    for (number, target) in targets.enumerated() {
      var sum = 0.0
      for output in reached {
        sum += target.change(
          from: track[output], to: edited[output], weight: track.weights.isEmpty ? 1 : track.weight(output))
      }
      if target == .weightedMean {
        let weight = track.weightSum(reached)
        sum = weight < PositionTarget.smallestWeight ? .nan : sum / weight
      }
      result.substitutions[number][Int(edit.to), column] = Float(sum)
    }
    guard newSites else { return }
    for output in reached {
      let rise = Float(sigmoid(edited[output]) - track.weight(output))
      if !(result.newSites[column] >= rise) { result.newSites[column] = rise }
    }
  }

  private mutating func editRunner(within bounds: Range<Int>) throws -> Runner {
    let model = passes.model
    let wanted = model.windowLength(within: bounds)
    if let runner, runner.length == wanted { return runner }
    let made = try Runner(
      model.network, batch: model.network.fixedBatch ?? max(1, min(64, 16_384 / max(1, wanted))), length: wanted,
      for: .prediction)
    runner = made
    return made
  }
}
