import Attribution
import Foundation
import GenomeIO
import Genomics
import TrackIO

/// Brings a run folder to completion: plans, scans the shards that are missing, merges them into tracks.
public struct Scan {
  private let request: ScanRequest
  private let progress: Progress

  public init(_ request: ScanRequest, progress: Progress) {
    self.request = request
    self.progress = progress
  }

  /// Runs the scan. Cancelling the task leaves a folder that the same request resumes.
  public func run() async throws { try await run(try ScanModel(request.model)) }

  /// Runs the scan with a model that was read.
  func run(_ model: ScanModel) async throws {
    let reader = try ReferenceReader(path: request.genome)
    if let sites = request.sites { return try await run(sites: sites, model, reader) }
    let plan = try ScanPlanner(request: request, model: model).plan(reader)
    warn(plan.manifest.settings)
    let folder = try RunFolder(path: request.output, manifest: try plan.manifest.encoded(), force: request.force)
    if folder.isComplete {
      progress.say("\(request.output) is complete: nothing to do (--force starts over)")
      return
    }
    let damaged = folder.damagedFiles
    if !damaged.isEmpty, !folder.hasShards {
      throw ScanError.failed(
        "\(request.output): \(damaged.joined(separator: ", ")) is missing or not as run.json says, and the shards it was "
          + "merged from were removed (--keep tracks); --force starts over")
    }
    try reopen(folder, damaged)
    let log = RunLog(path: folder.file("run.log.jsonl"))
    log.write("start", request.logFacts.merging(["threads": "\(request.threads)"]) { $1 })
    try await scan(plan, folder, reader, log)
    let outcome = try Merger(manifest: plan.manifest, folder: folder).merge(progress)
    try finish(plan.manifest, folder, outcome)
    if request.dropsShards { try folder.removeShards() }
    log.write("done", [:])
    for found in outcome.audit?.targets ?? [] {
      progress.say("\(outcome.audit!.isHybrid ? "hybrid" : "TISM") of \(found.target) \(found.summary)")
    }
    progress.say("\(request.output): \(outcome.tracks.flatMap(\.files).count) track files, run.json, igv_session.xml")
  }

  /// Scores sites alone: minutes of work at most, so that an interrupted run simply starts again.
  private func run(sites path: String, _ model: ScanModel, _ reader: borrowing ReferenceReader) async throws {
    let (manifest, positions) = try ScanPlanner(request: request, model: model).planSites(reader)
    let scan = SiteScan(request: request, model: positions, methods: manifest.settings.methods)
    let sites = try scan.sites(path, contigs: reader.contigs)
    let folder = try RunFolder(path: request.output, manifest: try manifest.encoded(), force: request.force)
    if folder.isComplete {
      progress.say("\(request.output) is complete: nothing to do (--force starts over)")
      return
    }
    try reopen(folder, folder.damagedFiles)
    try scan.selfCheck(sites.first)
    let results = try await scan.score(sites, contigs: reader.contigs, reader, progress)
    let files = SiteFiles(
      folder: folder, contigs: manifest.contigs, settings: manifest.settings, layout: positions.layout, sites: sites,
      results: results)
    var outcome = Merger.Outcome()
    outcome.counts.scored = sites.count
    outcome.counts.passes = sites.count
    outcome.counts.padded = sites.reduce(0) {
      $0 + max(0, (positions.network.fixedLength ?? 0) - $1.site.pass.count)
    }
    var names = [try files.writeSpans()]
    for method in manifest.settings.methods {
      names.append(try files.writeArrays(method))
      guard method != .predict else { continue }
      for strand in Strand.allCases { outcome.tracks += try files.writeTracks(method, strand) }
    }
    outcome.files = names
    try folder.removeShards()
    try finish(manifest, folder, outcome)
    progress.say("\(request.output): \(sites.count) sites, \(names.joined(separator: ", ")), run.json, igv_session.xml")
  }

  /// A run that was complete and has lost files is incomplete again.
  private func reopen(_ folder: RunFolder, _ damaged: [String]) throws {
    guard !damaged.isEmpty else { return }
    progress.say("\(request.output): \(damaged.joined(separator: ", ")) missing or not as run.json says: written again")
    try folder.removeRecord()
  }

  private func warn(_ settings: ScanSettings) {
    if settings.methods.contains(.tism), settings.targets.contains(PositionTarget.probability.rawValue) {
      progress.say(
        "warning: TISM of probability agrees poorly with exact ISM (the sigmoid is far from linear); use weighted, or ISM"
      )
    }
  }

  private func scan(_ plan: ScanPlanner.Plan, _ folder: RunFolder, _ reader: borrowing ReferenceReader, _ log: RunLog)
    async throws
  {
    let shards = plan.manifest.shards
    let total = shards.reduce(0) { $0 + $1.baseCount }
    let missing = shards.filter { folder.shard($0.number, manifest: folder.manifestChecksum) == nil }
    var done = total - missing.reduce(0) { $0 + $1.baseCount }
    try checkSpace(missing.reduce(0) { $0 + $1.baseCount }, plan.manifest.settings, folder)
    if done > 0, !missing.isEmpty {
      progress.say("resuming: \(shards.count - missing.count) of \(shards.count) shards are there")
    }
    let scanner = plan.scanner
    if let first = missing.first {
      let tally = try scanner.selfCheck(first, try scanner.bases(of: first, from: reader))
      log.write("self-check", tally.facts)
    }
    progress.begin(resumed: done)
    try await OrderedTasks.run(
      count: missing.count, threads: request.threads,
      prepare: { try scanner.bases(of: missing[$0], from: reader) },
      work: { number, bases in try scanner.score(missing[number], bases) },
      commit: { number, result in
        let shard = missing[number]
        try ShardFile.write(
          result, shard: shard.number, manifest: folder.manifestChecksum, to: folder.shardPath(shard.number))
        done += shard.baseCount
        log.write("shard", ["number": "\(shard.number)", "bases": "\(shard.baseCount)"])
        progress.scanned(done, of: total)
      })
  }

  /// Fails before hours of work when the disk cannot hold the shards and about as much of tracks.
  private func checkSpace(_ bases: Int, _ settings: ScanSettings, _ folder: RunFolder) throws {
    let scores = settings.methods.reduce(0) { $0 + ($1 == .predict ? 1 : 3) * max(1, settings.targets.count) }
    let tracks = settings.trackStrands.flatMap(settings.tracks).count * settings.formats.count
    let needed = bases * (1 + 4 * scores) + bases * 4 * tracks / max(1, settings.trackStrands.count)
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)
    guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.intValue, free < needed else { return }
    throw ScanError.failed(
      "\(folder.path): about \(needed >> 20) MiB are needed and \(free >> 20) MiB are free; make room and run the same "
        + "command again")
  }

  private func finish(_ manifest: Manifest, _ folder: RunFolder, _ outcome: Merger.Outcome) throws {
    try ChromSizes.write(contigs: manifest.contigs, to: folder.file("chrom.sizes"))
    let session = IGVSession(
      folder: request.output, genome: request.genome, contigs: manifest.contigs, outcome: outcome,
      settings: manifest.settings, annotations: request.annotations, first: manifest.shards.first?.stretches.first)
    var file = try AtomicFile(path: folder.file("igv_session.xml"))
    try file.write(session.xml)
    try file.commit()
    let files = try folder.records(of: Set(outcome.tracks.flatMap(\.files) + outcome.files + ["chrom.sizes"]).sorted())
    // Last: a folder with a run record is a complete run.
    var record = try AtomicFile(path: folder.file("run.json"))
    try record.write(
      try RunRecord(manifest, checksum: folder.manifestChecksum, outcome: outcome, files: files).encoded())
    try record.commit()
  }
}

extension CheckTally {
  /// For the log.
  var facts: [String: String] {
    [
      "ism": "\(ism.scores)", "tism": "\(tism.scores)", "kinks": "\(tism.kinks)",
      "largestShareOfTolerance": "\(max(ism.largestShareOfTolerance, tism.largestShareOfTolerance))",
    ]
  }
}

/// Lines about time, host and threads: what byte identity does not cover.
struct RunLog {
  let path: String

  func write(_ event: String, _ facts: [String: String]) {
    var line = facts
    line["event"] = event
    line["time"] = ISO8601DateFormatter().string(from: Date())
    guard let data = try? JSONSerialization.data(withJSONObject: line, options: [.sortedKeys]) else { return }
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    guard let handle = FileHandle(forWritingAtPath: path) else { return }
    _ = try? handle.seekToEnd()
    try? handle.write(contentsOf: data + [10])
    try? handle.close()
  }
}
