import Attribution
import GenomeIO
import Genomics

/// Scores shards: knows the models, the windows and which bases a unit reads. Shared by all tasks.
struct ShardScanner: Sendable {
  /// How the bases of a stretch are scored by one model.
  enum Plan: Sendable {
    /// - Parameter models: the model on the strand's own channel, and under ``StrandModel/swap`` on its partner.
    case positions(models: [PositionModel], targets: [PositionTarget])
    /// - Parameter placements: windows of each contig (track order) on the plus and minus strand.
    case windows(WindowModel, placements: [Strand: [WindowPlacement]])
  }

  let contigs: [Contig]
  /// Contigs (index) whose windows and passes go on over the origin.
  var circular: Set<Int> = []
  /// One a model; those of an ensemble have the same windows and targets.
  var plans: [Plan]
  let methods: [Method]
  let engine: SubstitutionEngine
  /// True when ISM also gives new-site scores.
  let newSites: Bool
  /// Edits whose scores are computed again by independent ways; `nil` for none.
  var verified: EditSample?
  /// How TISM is audited, and which of its edits are replaced by exact ones.
  var audit: AuditSampling?
  var hybrid: HybridChoice?

  // MARK: Reading

  /// The bases that each stretch of a unit reads, on the unit's strand. Runs in the parent: one reader, one file position.
  func bases(of unit: WorkUnit, from reader: borrowing ReferenceReader) throws -> [StrandBases] {
    try unit.stretches.map { stretch in
      let contig = contigs[stretch.contig]
      let needed = basesNeeded(strandRange(stretch, unit.strand), contig: stretch.contig, unit.strand)
      return StrandBases(
        name: "\(contig.name) (\(unit.strand.rawValue) strand)", contigLength: contig.length,
        isCircular: circular.contains(stretch.contig), origin: needed.lowerBound,
        codes: try reader.codes(of: needed, contig, unit.strand))
    }
  }

  /// A stretch in the coordinates of `strand`.
  func strandRange(_ stretch: Manifest.Stretch, _ strand: Strand) -> Range<Int> {
    let length = contigs[stretch.contig].length
    return strand == .plus ? stretch.range : length - stretch.end..<length - stretch.start
  }

  private func basesNeeded(_ range: Range<Int>, contig: Int, _ strand: Strand) -> Range<Int> {
    let bounds = StrandBases.bounds(contigLength: contigs[contig].length, isCircular: circular.contains(contig))
    let needed = plans.map { basesNeeded($0, range, contig: contig, strand, within: bounds) }
    return needed.map(\.lowerBound).min()!..<needed.map(\.upperBound).max()!
  }

  private func basesNeeded(
    _ plan: Plan, _ range: Range<Int>, contig: Int, _ strand: Strand, within bounds: Range<Int>
  ) -> Range<Int> {
    switch plan {
    case .positions(let models, _): return models[0].bases(toScore: range, within: bounds)
    case .windows(let model, let placements):
      let pieces = placements[strand]![contig].pieces(covering: range)
      let first = pieces.map(\.window).min() ?? range.lowerBound
      let last = pieces.map(\.window).max() ?? range.lowerBound
      return (first..<max(range.upperBound, last + model.length)).clamped(to: bounds)
    }
  }

  // MARK: Scoring

  /// Scores a unit; runs in a task of its own, with sessions of its own.
  func score(_ unit: WorkUnit, _ bases: [StrandBases]) throws -> UnitResult {
    var result = UnitResult(counts: counts(of: unit))
    for (stretch, strand) in zip(unit.stretches, bases) {
      try Task.checkCancellation()
      let codes = Array(strand[strandRange(stretch, unit.strand)])
      let plusCodes = unit.strand == .plus ? codes : Base.reverseComplement(codes)
      result.codes += plusCodes
      let unknown = codes.reduce(0) { $0 + ($1 < 4 ? 0 : 1) }
      result.counts.unknown += unknown
      result.counts.scored += codes.count - unknown
    }
    for (number, plan) in plans.enumerated() {
      switch plan {
      case .positions(let models, let targets):
        for (channel, model) in models.enumerated() {
          let source = ScoreSource(model: number, isPartner: channel == 1)
          try scorePositions(model, targets, unit, bases, source, into: &result)
        }
      case .windows(let model, let placements):
        let source = ScoreSource(model: number)
        try scoreWindows(model, placements[unit.strand]!, unit, bases, source, into: &result)
      }
    }
    for isPartner in hasPartner ? [false, true] : [false] { try refine(&result, unit, bases, isPartner: isPartner) }
    return result
  }

  /// Whether each model is run on its other channel too.
  private var hasPartner: Bool { if case .positions(let models, _) = plans[0] { models.count > 1 } else { false } }

  private func scorePositions(
    _ model: PositionModel, _ targets: [PositionTarget], _ unit: WorkUnit, _ bases: [StrandBases],
    _ source: ScoreSource, into result: inout UnitResult
  ) throws {
    let checker = try verified.map { _ in try StretchChecker(model, targets: targets, fast: engine == .fast) }
    func run(_ scorer: inout some StretchScorer & ~Copyable, _ method: Method?, predicts: Bool) throws {
      for (stretch, strand) in zip(unit.stretches, bases) {
        let range = strandRange(stretch, unit.strand)
        let codes = Array(strand[range])
        // Tile by tile, so that a signal is heard soon.
        var parts: [StretchScores] = []
        for start in Swift.stride(from: range.lowerBound, to: range.upperBound, by: model.tile) {
          try Task.checkCancellation()
          let tile = start..<min(range.upperBound, start + model.tile)
          parts.append(try scorer.score(tile, of: strand))
          if let verified, let checker, let checked = method.flatMap({ CheckedMethod($0) }) {
            let edits = verified.edits(of: tile, strand[tile], contig: contigs[stretch.contig], strand: unit.strand)
            try checker.check(edits, of: tile, strand, parts.last!.substitutions, checked)
          }
        }
        if predicts {
          result.append(
            Self.plus(parts.flatMap(\.predictions), unit.strand, codes), to: source.section(.predict, target: 0))
        }
        guard let method else { continue }
        for target in targets.indices {
          var scores = SubstitutionScores(length: range.count)
          var first = 0
          for part in parts {
            scores.replace(from: first, with: part.substitutions[target])
            first += part.substitutions[target].length
          }
          result.append(
            Self.alternates(scores, codes, unit.strand), to: source.section(method, target: target))
        }
        if newSites, method == .ism {
          result.append(Self.plus(parts.flatMap(\.newSites), unit.strand, codes), to: source.newSites)
        }
      }
    }
    if methods.contains(.tism) {
      var scorer = try StretchTISM(model, targets: targets)
      try run(&scorer, .tism, predicts: methods.contains(.predict))
    } else if methods.contains(.predict) {
      var scorer = StretchPrediction(model)
      try run(&scorer, nil, predicts: true)
    }
    if methods.contains(.ism) {
      switch engine {
      case .fast:
        var scorer = try StretchDifferences(model, targets: targets, newSites: newSites)
        try run(&scorer, .ism, predicts: false)
      case .naive:
        var scorer = try StretchISM(model, targets: targets, newSites: newSites)
        try run(&scorer, .ism, predicts: false)
      }
    }
    if let checker { result.checks.add(checker.tally) }
  }

  private func scoreWindows(
    _ model: WindowModel, _ placements: [WindowPlacement], _ unit: WorkUnit, _ bases: [StrandBases],
    _ source: ScoreSource, into result: inout UnitResult
  ) throws {
    let checker = try verified.map { _ in try WindowChecker(model, fast: engine == .fast) }
    func run(_ scorer: inout some WindowScorer & ~Copyable, _ method: Method?, predicts: Bool) throws {
      for (stretch, strand) in zip(unit.stretches, bases) {
        let range = strandRange(stretch, unit.strand)
        let codes = Array(strand[range])
        let pieces = placements[stretch.contig].pieces(covering: range)
        var sum = WindowSum(range, targets: model.targets.count)
        for first in Swift.stride(from: 0, to: pieces.count, by: scorer.windowsAtOnce) {
          try Task.checkCancellation()
          let group = Array(pieces[first..<min(pieces.count, first + scorer.windowsAtOnce)])
          let tasks = group.map { task(for: $0, model.length, strand) }
          for ((piece, task), scores) in zip(zip(group, tasks), try scorer.score(tasks)) {
            sum.add(scores, for: piece.bases)
            guard let verified, let checker, let checked = method.flatMap({ CheckedMethod($0) }) else { continue }
            let edits = verified.edits(
              of: piece.bases, strand[piece.bases], contig: contigs[stretch.contig], strand: unit.strand)
            try checker.check(
              edits.map { Edit(column: task.columns.lowerBound + $0.column, base: $0.base) }, of: task, scores, checked)
          }
        }
        sum.divide()
        for target in model.targets.indices {
          if predicts {
            result.append(
              Self.plus(sum.predictions[target], unit.strand, codes), to: source.section(.predict, target: target))
          }
          if let method {
            result.append(
              Self.alternates(sum.substitutions[target], codes, unit.strand), to: source.section(method, target: target)
            )
          }
        }
      }
    }
    if methods.contains(.tism) {
      var scorer = try WindowTISM(model)
      try run(&scorer, .tism, predicts: methods.contains(.predict))
    } else if methods.contains(.predict) {
      var scorer = try WindowPrediction(model)
      try run(&scorer, nil, predicts: true)
    }
    if methods.contains(.ism) {
      switch engine {
      case .fast:
        var scorer = try WindowDifferences(model)
        try run(&scorer, .ism, predicts: false)
      case .naive:
        var scorer = try WindowISM(model)
        try run(&scorer, .ism, predicts: false)
      }
    }
    if let checker { result.checks.add(checker.tally) }
  }

  /// The window of a piece; bases beyond the contig are zero columns.
  func task(
    for piece: WindowPlacement.Piece, _ length: Int, _ strand: StrandBases, only mask: EditMask? = nil
  ) -> WindowTask {
    let window = piece.window..<piece.window + length
    let inside = window.clamped(to: strand.bounds)
    let codes =
      [UInt8](repeating: Base.unknown, count: inside.lowerBound - window.lowerBound) + strand[inside]
      + [UInt8](repeating: Base.unknown, count: window.upperBound - inside.upperBound)
    return WindowTask(
      codes: codes[...],
      columns: piece.bases.lowerBound - window.lowerBound..<piece.bases.upperBound - window.lowerBound, only: mask,
      start: window.lowerBound,
      location: "\(strand.name), window at strand position \(strand.place(window.lowerBound))")
  }

  // MARK: To the plus strand

  /// Values of a strand in plus-strand order; unknown bases have none.
  private static func plus(_ values: [Float], _ strand: Strand, _ codes: [UInt8]) -> [Float] {
    let known = zip(values, codes).map { $1 < 4 ? $0 : .nan }
    return strand == .plus ? known : known.reversed()
  }

  /// Three alternates a base, plus-strand order and plus-strand bases; unknown bases have none.
  private static func alternates(_ scores: SubstitutionScores, _ codes: [UInt8], _ strand: Strand) -> [Float] {
    let plus = strand == .plus ? scores : scores.reverseComplement
    let plusCodes = strand == .plus ? codes : Base.reverseComplement(codes)
    return plusCodes.enumerated().flatMap { column, code in
      plus.alternates(at: column, reference: code).map { [$0.first, $0.second, $0.third] } ?? [.nan, .nan, .nan]
    }
  }
}

extension UnitResult {
  mutating func append(_ values: [Float], to section: String) { sections[section, default: []] += values }
}

/// Adds up what windows say about the bases of a stretch; under ``OverlapRule/mean`` a base may be in several.
private struct WindowSum {
  let range: Range<Int>
  var predictions: [[Float]]
  var substitutions: [SubstitutionScores]
  private var counts: [Int32]

  init(_ range: Range<Int>, targets: Int) {
    self.range = range
    predictions = Array(repeating: [Float](repeating: 0, count: range.count), count: targets)
    substitutions = Array(repeating: SubstitutionScores(length: range.count), count: targets)
    counts = [Int32](repeating: 0, count: range.count)
  }

  mutating func add(_ scores: WindowScores, for bases: Range<Int>) {
    for (column, base) in bases.enumerated() {
      let index = base - range.lowerBound
      counts[index] += 1
      for target in predictions.indices { predictions[target][index] += scores.predictions[target] }
      for (target, part) in scores.substitutions.enumerated() {
        for row in 0..<4 { substitutions[target][row, index] += part[row, column] }
      }
    }
  }

  mutating func divide() {
    for index in counts.indices where counts[index] != 1 {
      // A base without a window (it was cut off at a contig's end) has no value.
      let count = counts[index] == 0 ? Float.nan : Float(counts[index])
      for target in predictions.indices {
        predictions[target][index] /= count
        for row in 0..<4 where substitutions[target][row, index] != 0 || count.isNaN {
          substitutions[target][row, index] /= count
        }
      }
    }
  }
}
