import GenomeIO
import Genomics
import TrackIO

/// Turns the shards of a run into its files and its record.
struct MergeStage {
  let folder: RunFolder
  let request: ScanRequest
  let progress: Progress
  let log: RunLog

  /// - Parameter allowsMissing: leave out what is not there instead of refusing.
  /// - Returns: what was written.
  /// - Throws: ``ScanError/incomplete(_:)`` with the numbers of missing shards; `badInput` for shards of another run.
  func merge(allowsMissing: Bool) async throws -> Merger.Outcome {
    let missing = try self.missing()
    if !missing.isEmpty, !allowsMissing { throw incomplete(missing) }
    guard missing.count < folder.manifest.shards.count else { throw incomplete(missing) }
    try DiskSpace(folder.manifest.settings).check(
      scanned: 0, merged: folder.manifest.strandBases, folder: folder.path)
    let merger = Merger(folder: folder, threads: request.resources.threads, missing: Set(missing))
    let outcome: Merger.Outcome
    do {
      outcome = try await merger.merge(progress)
    } catch ScanError.damagedShard(let number) {
      let damaged = try removeDamaged()
      guard !damaged.isEmpty else {
        throw ScanError.failed(
          "\(folder.shardPath(number)): changed while it was read, and is whole now; merge again")
      }
      throw ScanError.incomplete(
        "\(folder.path): shards \(ShardList.text(damaged)) are not as they were written and were taken away; tismscan scan "
          + "--run \(folder.path) scans them again")
    }
    try finish(outcome)
    return outcome
  }

  /// Shards that have to be scanned, by their records.
  private func missing() throws -> [Int] {
    try folder.manifest.shards.compactMap { shard in
      switch try folder.state(of: shard) {
      case .complete: return nil
      case .missing, .damaged: return shard.number
      case .foreign(let difference):
        throw ScanError.badInput(
          "\(folder.shardPath(shard.number)) is of another run: \(difference); remove it and scan shard \(shard.number) "
            + "again (tismscan scan --run \(folder.path))")
      }
    }
  }

  /// Takes away every shard file that is not as it was written, and says which shards are missing now.
  private func removeDamaged() throws -> [Int] {
    try folder.manifest.shards.filter(folder.needs).map { shard in
      folder.removeShard(shard.number)
      return shard.number
    }
  }

  private func incomplete(_ missing: [Int]) -> ScanError {
    .incomplete(
      "\(folder.path): \(missing.count) of \(folder.manifest.shards.count) shards are missing: \(ShardList.text(missing)); "
        + "tismscan scan --run \(folder.path) scans them")
  }

  /// Writes what is not a track, the record last: a folder with a run record is a complete run.
  func finish(_ outcome: Merger.Outcome) throws {
    let manifest = folder.manifest
    try ChromSizes.write(contigs: manifest.contigs, to: folder.file("chrom.sizes"))
    let session = IGVSession(
      folder: request.output, genome: request.genome, contigs: manifest.contigs, outcome: outcome,
      settings: manifest.settings, annotations: request.annotations, first: manifest.shards.first?.stretches.first)
    try folder.write(Array(session.xml.utf8), to: "igv_session.xml")
    let files = try folder.records(of: Set(outcome.tracks.flatMap(\.files) + outcome.files + ["chrom.sizes"]).sorted())
    try folder.write(
      try RunRecord(manifest, checksum: folder.identity.checksum, outcome: outcome, files: files).encoded(),
      to: "run.json")
  }

  func say(_ outcome: Merger.Outcome) {
    for found in outcome.audit?.targets ?? [] {
      progress.say("\(outcome.audit!.isHybrid ? "hybrid" : "TISM") of \(found.target) \(found.summary)")
    }
    if folder.manifest.settings.verify != nil { progress.say(outcome.checks.summary) }
    if !outcome.missing.isEmpty {
      progress.say(
        "warning: \(outcome.missing.count) shards were left out (\(ShardList.text(outcome.missing))): their bases have no "
          + "values")
    }
    progress.say("\(folder.path): \(outcome.tracks.flatMap(\.files).count) track files, run.json, igv_session.xml")
  }
}
