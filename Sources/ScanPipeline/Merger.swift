import Annotation
import Attribution
import Genomics
import TrackIO

/// Turns the shards of a complete run into tracks and calls.
struct Merger {
  let manifest: Manifest
  let folder: RunFolder

  /// What was written.
  struct Outcome {
    struct Track {
      let spec: TrackSpec
      let files: [String]
      let bases: Int
    }
    var tracks: [Track] = []
    var counts = ShardResult.Counts()
    var checks = CheckTally()
    /// Called sites; `nil` when none were asked for.
    var calls: [SiteCall]?
    /// How well TISM agrees with exact ISM; `nil` without an audit.
    var audit: AuditRecord?
    /// Names of the files besides tracks.
    var files: [String] = []
  }

  private var settings: ScanSettings { manifest.settings }

  func merge(_ progress: Progress) throws -> Outcome {
    var outcome = Outcome()
    if settings.calls != nil { outcome.calls = [] }
    var audit = settings.audit.map { _ in AuditTotals(settings) }
    for label in settings.trackStrands { try merge(label, into: &outcome, &audit, progress) }
    outcome.audit = audit?.record
    if let calls = outcome.calls { outcome.files.append(try write(calls)) }
    return outcome
  }

  /// Shards that hold the same stretches, one a strand scanned.
  private var groups: [[Manifest.Shard]] {
    let plus = manifest.shards.filter { $0.strand == .plus }
    let minus = manifest.shards.filter { $0.strand == .minus }
    if plus.isEmpty || minus.isEmpty { return (plus + minus).map { [$0] } }
    return zip(plus, minus).map { [$0, $1] }
  }

  private func merge(
    _ label: String, into outcome: inout Outcome, _ audit: inout AuditTotals?, _ progress: Progress
  ) throws {
    let files = try settings.tracks(strand: label).map {
      try TrackFiles($0, formats: settings.formats, folder: folder.path, contigs: manifest.contigs)
    }
    let strand: Strand? = label == "both" ? nil : label == "plus" ? .plus : .minus
    var caller = settings.calls.map { SiteCaller(threshold: $0, strand: strand) }
    for (number, group) in groups.enumerated() {
      try Task.checkCancellation()
      // Under `stranded` only the strand's own shard is needed.
      let needed = settings.strandModel == .stranded ? group.filter { $0.strand == strand } : group
      let results = try needed.map { shard in
        guard let result = folder.shard(shard.number, manifest: folder.manifestChecksum) else {
          throw ScanError.failed("shard \(shard.number) cannot be read back; run the same command again to redo it")
        }
        return result
      }
      let own = needed.firstIndex { $0.strand == strand } ?? 0
      if settings.strandModel == .stranded || label != "minus" {
        outcome.counts.add(results.map(\.counts))
        for result in results { outcome.checks.add(result.checks) }
        for result in results { audit?.add(result) }
      }
      let merged = MergedShard(settings, own: results[own], other: results.count > 1 ? results[1 - own] : nil)
      for file in files {
        let values = merged.values(of: file.spec)
        var first = 0
        for stretch in needed[0].stretches {
          let part = Array(values[first..<first + stretch.range.count])
          try file.append(contig: stretch.contig, start: stretch.start, values: part)
          first += stretch.range.count
        }
      }
      if caller != nil { feed(&caller!, merged, needed[0]) }
      progress.note("merging \(label)", done: number + 1, of: groups.count)
    }
    for file in files {
      try file.finish()
      outcome.tracks.append(Outcome.Track(spec: file.spec, files: file.names, bases: file.count))
    }
    if var caller { outcome.calls! += caller.finish() }
  }

  private func feed(_ caller: inout SiteCaller, _ merged: MergedShard, _ shard: Manifest.Shard) {
    let values = merged.section(ShardScanner.section(.predict, target: 0))
    var first = 0
    for stretch in shard.stretches {
      caller.append(
        contig: stretch.contig, start: stretch.start, values: values[first..<first + stretch.range.count])
      first += stretch.range.count
    }
  }

  private func write(_ calls: [SiteCall]) throws -> String {
    let contigs = manifest.contigs
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

extension ShardResult.Counts {
  mutating func add(_ others: [ShardResult.Counts]) {
    for other in others {
      scored += other.scored
      unknown += other.unknown
      padded += other.padded
      passes += other.passes
    }
  }
}

/// The scores of one group of shards as a strand's tracks show them: its own, or averaged with the other direction's.
struct MergedShard {
  private let settings: ScanSettings
  private let own: ShardResult
  private let other: ShardResult?

  init(_ settings: ScanSettings, own: ShardResult, other: ShardResult?) {
    self.settings = settings
    self.own = own
    self.other = other
  }

  /// A section, averaged over directions where the strand model says so.
  func section(_ name: String) -> [Float] {
    let values = own.sections[name]!
    guard settings.strandModel != .stranded, let other else { return values }
    let opposite = other.sections[settings.strandModel == .swap ? "\(name)/partner" : name]!
    return zip(values, opposite).map { Float((Double($0) + Double($1)) / 2) }
  }

  /// A track's values, one a base; NaN where there is none.
  func values(of spec: TrackSpec) -> [Float] {
    if spec.isExactShare { return section(ShardScanner.exactSection()) }
    guard let reduction = spec.reduction else {
      return section(ShardScanner.section(.predict, target: spec.target))
    }
    if reduction == .newSite { return section(ShardScanner.newSiteSection()) }
    let scores = section(ShardScanner.section(spec.method, target: spec.target))
    return own.codes.indices.map { base in
      let s = Alternates(scores[3 * base], scores[3 * base + 1], scores[3 * base + 2])
      guard !s.first.isNaN else { return .nan }
      guard let alternate = spec.alternate else { return reduction.value(s)! }
      let bases = Alternates.bases(of: own.codes[base])
      return alternate == bases.0 ? s.first : alternate == bases.1 ? s.second : alternate == bases.2 ? s.third : .nan
    }
  }
}
