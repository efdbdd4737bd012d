import Attribution
import Genomics

extension ShardScanner {
  /// Exact ISM of chosen edits of a unit by one model, by target, in their order: the same bits that a scan by ISM gives
  /// them.
  /// - Parameters:
  ///   - edits: indices of edits, three a base of the unit, ascending.
  ///   - codes: plus-strand codes of the unit's bases.
  func exactScores(
    of edits: [Int], _ unit: WorkUnit, _ bases: [StrandBases], codes: [UInt8], _ source: ScoreSource
  ) throws -> [[Float]] {
    let strandEdits = located(edits, unit, codes)
    switch plans[source.model] {
    case .positions(let models, let targets):
      let model = models[source.isPartner ? 1 : 0]
      // Where edits lie apart, short passes around each of them cost least.
      let short = try PositionModel(model.network, layout: model.layout, tile: min(model.tile, Self.shortTile))
      switch engine {
      case .fast:
        var apart = try StretchDifferences(short, targets: targets)
        var dense = try StretchDifferences(model, targets: targets)
        return try score(strandEdits, &apart, &dense, short, model, targets.count, unit, bases)
      case .naive:
        var apart = try StretchISM(short, targets: targets)
        var dense = try StretchISM(model, targets: targets)
        return try score(strandEdits, &apart, &dense, short, model, targets.count, unit, bases)
      }
    case .windows(let model, let placements):
      let placements = placements[unit.strand]!
      switch engine {
      case .fast:
        var scorer = try WindowDifferences(model)
        return try score(strandEdits, &scorer, model, placements, unit, bases)
      case .naive:
        var scorer = try WindowISM(model)
        return try score(strandEdits, &scorer, model, placements, unit, bases)
      }
    }
  }

  /// Bases a pass where edits lie apart.
  static let shortTile = 64

  /// An edit as the strand's models see it.
  private struct StrandEdit {
    /// Of the edit among those asked for.
    let index: Int
    /// Of the unit's stretch that it lies in.
    let stretch: Int
    /// In strand coordinates.
    let position: Int
    let base: Int
  }

  /// The edits by stretch, each in order of strand position.
  private func located(_ edits: [Int], _ unit: WorkUnit, _ codes: [UInt8]) -> [[StrandEdit]] {
    var result = unit.stretches.map { _ in [StrandEdit]() }
    var (stretch, first) = (0, 0)
    for (index, edit) in edits.enumerated() {
      let base = edit / 3
      while base - first >= unit.stretches[stretch].range.count {
        first += unit.stretches[stretch].range.count
        stretch += 1
      }
      let own = unit.stretches[stretch]
      let position = own.start + base - first
      let alternates = Alternates.bases(of: codes[base])
      let to = [alternates.0, alternates.1, alternates.2][edit % 3]
      let isPlus = unit.strand == .plus
      result[stretch].append(
        StrandEdit(
          index: index, stretch: stretch, position: isPlus ? position : contigs[own.contig].length - 1 - position,
          base: isPlus ? to : 3 - to))
    }
    return unit.strand == .plus ? result : result.map { $0.reversed() }
  }

  private func score(
    _ edits: [[StrandEdit]], _ apart: inout some ExactStretchScorer & ~Copyable,
    _ dense: inout some ExactStretchScorer & ~Copyable, _ short: PositionModel, _ long: PositionModel,
    _ targets: Int, _ unit: WorkUnit, _ bases: [StrandBases]
  ) throws -> [[Float]] {
    let total = edits.reduce(0) { $0 + $1.count }
    var values = [[Float]](repeating: [Float](repeating: .nan, count: total), count: targets)
    for (own, strand) in zip(edits, bases) {
      var first = 0
      while first < own.count {
        try Task.checkCancellation()
        // Edits closer than what an edit reads share a pass.
        let start = own[first].position
        var end = first + 1
        while end < own.count, own[end].position - own[end - 1].position <= 2 * long.layout.flank,
          own[end].position - start < long.tile
        { end += 1 }
        let group = own[first..<end]
        let stretch = start..<group.last!.position + 1
        var mask = EditMask(length: stretch.count)
        for edit in group { mask.insert(base: edit.base, column: edit.position - start) }
        let scores =
          try stretch.count <= short.tile
          ? apart.score(stretch, of: strand, only: mask) : dense.score(stretch, of: strand, only: mask)
        for edit in group {
          for target in 0..<targets {
            values[target][edit.index] = scores.substitutions[target][edit.base, edit.position - start]
          }
        }
        first = end
      }
    }
    return values
  }

  private func score(
    _ edits: [[StrandEdit]], _ scorer: inout some WindowScorer & ~Copyable, _ model: WindowModel,
    _ placements: [WindowPlacement], _ unit: WorkUnit, _ bases: [StrandBases]
  ) throws -> [[Float]] {
    let total = edits.reduce(0) { $0 + $1.count }
    var values = [[Float]](repeating: [Float](repeating: 0, count: total), count: model.targets.count)
    var counts = [Int32](repeating: 0, count: total)
    for (stretch, (own, strand)) in zip(edits, bases).enumerated() {
      guard let first = own.first, let last = own.last else { continue }
      let pieces = placements[unit.stretches[stretch].contig].pieces(covering: first.position..<last.position + 1)
      for piece in pieces {
        // Under the mean over windows an edit may lie in several.
        let inside = own.firstIndex { $0.position >= piece.bases.lowerBound } ?? own.count
        let group = own[inside...].prefix { $0.position < piece.bases.upperBound }
        guard !group.isEmpty else { continue }
        try Task.checkCancellation()
        var mask = EditMask(length: piece.bases.count)
        for edit in group { mask.insert(base: edit.base, column: edit.position - piece.bases.lowerBound) }
        let task = task(for: piece, model.length, strand, only: mask)
        let scores = try scorer.score([task])[0].substitutions
        for edit in group {
          counts[edit.index] += 1
          for target in scores.indices {
            values[target][edit.index] += scores[target][edit.base, edit.position - piece.bases.lowerBound]
          }
        }
      }
    }
    for target in values.indices {
      for edit in values[target].indices where counts[edit] != 1 {
        values[target][edit] = counts[edit] == 0 ? .nan : values[target][edit] / Float(counts[edit])
      }
    }
    return values
  }
}
