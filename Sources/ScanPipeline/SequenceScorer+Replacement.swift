import Attribution

extension SequenceScorer {
  /// Scores replacements of neighbouring columns instead of substitutions.
  func score(_ replacement: Replacement, _ sequences: [(codes: [UInt8], name: String)]) throws -> [Scores] {
    let naive = request.engine == .naive
    switch plan {
    case .windows(let model):
      let scorer = try WindowReplacement(model, replacement, naive: naive)
      return try sequences.map {
        let found = try scorer.score($0.codes[...], location: "sequence \($0.name)")
        return Scores(predictions: found.predictions, substitutions: [], replacements: found.scores)
      }
    case .positions(let model, let targets):
      var totals = StretchPrediction(model)
      var scorer = try StretchReplacement(model, targets: targets, replacement, naive: naive)
      return try sequences.map {
        let strand = StrandBases(
          name: "sequence \($0.name)", contigLength: $0.codes.count, origin: 0, codes: $0.codes)
        return Scores(
          predictions: try totals.totals(targets, of: strand), substitutions: [],
          replacements: try scorer.score(strand))
      }
    }
  }
}
