import Annotation
import Attribution
import Genomics
import TrackIO

/// Turns the shards of a run into tracks and calls: streams in genome order, with one unit of each open track in memory.
struct Merger: Sendable {
  let folder: RunFolder
  /// Tracks written at a time.
  let threads: Int
  /// Numbers of the shards that are left out: their bases have no values.
  let missing: Set<Int>

  /// What was written.
  struct Outcome {
    struct Track {
      let spec: TrackSpec
      let files: [String]
      let bases: Int
    }
    var tracks: [Track] = []
    var counts = UnitResult.Counts()
    var checks = CheckTally()
    /// Called sites; `nil` when none were asked for.
    var calls: [SiteCall]?
    /// How well TISM agrees with exact ISM; `nil` without an audit.
    var audit: AuditRecord?
    /// Names of the files besides tracks.
    var files: [String] = []
    /// Numbers of the shards that were left out.
    var missing: [Int] = []
  }

  private var settings: ScanSettings { folder.manifest.settings }

  func merge(_ progress: Progress) async throws -> Outcome {
    var outcome = Outcome(missing: missing.sorted())
    try addRecords(to: &outcome)
    let specs = settings.trackStrands.flatMap(settings.tracks)
    // Threads that have no track of their own compress.
    let workers = max(1, threads / max(1, specs.count))
    try await OrderedTasks.run(
      count: specs.count, threads: threads, prepare: { specs[$0] }, work: { try write($1, workers: workers) },
      commit: { number, track in
        outcome.tracks.append(track)
        progress.note("merging tracks", done: number + 1, of: specs.count)
      })
    if settings.calls != nil {
      outcome.calls = try settings.trackStrands.flatMap(calls)
      outcome.files.append(try write(outcome.calls!))
    }
    return outcome
  }

  // MARK: Shards

  /// Hands over the parts of all shards in genome order, as a strand's tracks show them.
  /// - Parameter label: the strand label of tracks.
  private func forEachPart(_ label: String, _ body: ([Manifest.Stretch], MergedPart) throws -> Void) throws {
    let strands = settings.scannedStrands
    let own = strands.firstIndex { $0.rawValue == label } ?? 0
    let other = settings.strandModel == .stranded ? nil : strands.indices.first { $0 != own }
    for shard in folder.manifest.shards where !missing.contains(shard.number) {
      let reader = try reader(shard)
      for (number, stretches) in folder.manifest.parts(of: shard).enumerated() {
        try Task.checkCancellation()
        let first = number * strands.count
        try body(stretches, MergedPart(settings, reader, own: first + own, other: other.map { first + $0 }))
      }
    }
  }

  private func reader(_ shard: Manifest.Shard) throws -> ShardReader {
    guard case .complete(let reader) = try folder.state(of: shard) else { throw ScanError.damagedShard(shard.number) }
    return reader
  }

  /// Counts, checks and the audit, strand by strand in genome order, so that they hold for any cut.
  private func addRecords(to outcome: inout Outcome) throws {
    var audit = settings.audit.map { _ in AuditTotals(settings) }
    let strands = settings.scannedStrands
    for strand in strands.indices {
      for shard in folder.manifest.shards where !missing.contains(shard.number) {
        let reader = try reader(shard)
        if strand == 0 {
          outcome.counts.add(reader.record.counts)
          outcome.checks.add(reader.record.checks)
        }
        guard audit != nil else { continue }
        for unit in stride(from: strand, to: reader.record.units.count, by: strands.count) {
          try audit?.add { try reader.section($0, ofUnit: unit) }
        }
      }
    }
    outcome.audit = audit?.record
  }

  // MARK: Tracks and calls

  private func write(_ spec: TrackSpec, workers: Int) throws -> Outcome.Track {
    let files = try TrackFiles(
      spec, formats: settings.formats, folder: folder.path, contigs: folder.manifest.contigs, workers: workers)
    try forEachPart(spec.strand) { stretches, part in
      let values = try part.values(of: spec)
      var first = 0
      for stretch in stretches {
        try files.append(
          contig: stretch.contig, start: stretch.start, values: Array(values[first..<first + stretch.range.count]))
        first += stretch.range.count
      }
    }
    try files.finish()
    return Outcome.Track(spec: spec, files: files.names, bases: files.count)
  }

  private func calls(_ label: String) throws -> [SiteCall] {
    var caller = SiteCaller(threshold: settings.calls!, strand: Strand(rawValue: label))
    try forEachPart(label) { stretches, part in
      let values = try part.mean { $0.section(.predict, target: 0) }
      var first = 0
      for stretch in stretches {
        caller.append(
          contig: stretch.contig, start: stretch.start, values: values[first..<first + stretch.range.count])
        first += stretch.range.count
      }
    }
    return caller.finish()
  }

  private func write(_ calls: [SiteCall]) throws -> String {
    let contigs = folder.manifest.contigs
    let name = "calls.\(settings.predictionName).bed"
    var writer = try BEDWriter(path: folder.file(name), contigs: contigs)
    for call in calls.sorted(by: {
      ($0.contig, $0.position, $0.strand?.rawValue ?? "") < ($1.contig, $1.position, $1.strand?.rawValue ?? "")
    }) {
      try writer.append(
        BEDRecord(
          interval: Interval(contig: contigs[call.contig].name, start: call.position, end: call.position + 1),
          name: fixed(Double(call.value), digits: 4),
          score: Int((Double(min(1, max(0, call.value))) * 1000).rounded()), strand: call.strand))
    }
    try writer.finish()
    return name
  }
}

/// The scores of a part of a shard as a strand's tracks show them: its own, or averaged with the other direction's. Sections are
/// read when they are asked for.
struct MergedPart {
  private let settings: ScanSettings
  private let reader: ShardReader
  private let own: Int
  private let other: Int?

  /// - Parameters:
  ///   - own: number of the strand's unit in the file.
  ///   - other: number of the other direction's, where the strand model averages them.
  init(_ settings: ScanSettings, _ reader: ShardReader, own: Int, other: Int?) {
    (self.settings, self.reader, self.own, self.other) = (settings, reader, own, other)
  }

  /// A section's mean over the models.
  /// - Parameter name: of the section with a model's scores.
  func mean(_ name: (ScoreSource) -> String) throws -> [Float] {
    Ensemble.mean(try (0..<settings.modelCount).map { try section(name, ofModel: $0) })
  }

  /// A model's section, averaged over directions where the strand model says so.
  private func section(_ name: (ScoreSource) -> String, ofModel model: Int) throws -> [Float] {
    let values = try stored(name(ScoreSource(model: model)), own)
    guard let other else { return values }
    let opposite = try stored(name(ScoreSource(model: model, isPartner: settings.strandModel == .swap)), other)
    return zip(values, opposite).map { Float((Double($0) + Double($1)) / 2) }
  }

  private func stored(_ name: String, _ unit: Int) throws -> [Float] {
    guard let values = try reader.section(name, ofUnit: unit) else {
      throw ScanError.damagedShard(reader.record.shard)
    }
    return values
  }

  /// A track's values, one a base; NaN where there is none.
  func values(of spec: TrackSpec) throws -> [Float] {
    if spec.isExactShare { return try section(\.exactShare, ofModel: 0) }
    let name: (ScoreSource) -> String = {
      spec.reduction == .newSite ? $0.newSites : $0.section(spec.method, target: spec.target)
    }
    let codes = try spec.reduction?.isOfAlternates == true ? reader.codes(ofUnit: own) : []
    guard spec.isSpread else { return Self.shown(try mean(name), codes, spec) }
    return Ensemble.spread(
      try (0..<settings.modelCount).map { Self.shown(try section(name, ofModel: $0), codes, spec) })
  }

  /// What a track shows of a section: predictions and new sites as they are, alternates reduced.
  /// - Parameter codes: of the bases, where alternates are reduced.
  private static func shown(_ scores: [Float], _ codes: [UInt8], _ spec: TrackSpec) -> [Float] {
    guard let reduction = spec.reduction, reduction.isOfAlternates else { return scores }
    return codes.indices.map { base in
      let s = Alternates(scores[3 * base], scores[3 * base + 1], scores[3 * base + 2])
      guard !s.first.isNaN else { return .nan }
      guard let alternate = spec.alternate else { return reduction.value(s)! }
      let bases = Alternates.bases(of: codes[base])
      return alternate == bases.0 ? s.first : alternate == bases.1 ? s.second : alternate == bases.2 ? s.third : .nan
    }
  }
}

extension Reduction {
  /// Whether it reduces the scores of a base's three alternates.
  fileprivate var isOfAlternates: Bool { self != .newSite }
}
