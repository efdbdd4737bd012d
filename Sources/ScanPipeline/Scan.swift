import Attribution
import GenomeIO
import Genomics

/// Brings a run folder to completion in one go: plans, scans the shards that are missing, merges them into tracks.
public struct Scan {
  private let request: ScanRequest
  private let progress: Progress

  public init(_ request: ScanRequest, progress: Progress) {
    self.request = request
    self.progress = progress
  }

  /// Runs the scan. Cancelling the task leaves a folder that the same request resumes.
  public func run() async throws { try await run(try request.models.map { try ScanModel($0) }) }

  /// Runs the scan with models that were read.
  func run(_ models: [ScanModel]) async throws {
    let sources = try RunSources(request)
    let reader = try ReferenceReader(path: request.genome)
    if let sites = request.sites { return try await run(sites: sites, models, reader, sources) }
    let plan = try ScanPlanner(request: request, models: models).plan(reader)
    plan.warn(request, progress)
    let folder = try RunFolder(
      starting: request.output, for: plan.manifest, sources: sources, force: request.force,
      cut: request.cut != nil)
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
    let log = try RunLog(of: folder, copy: request.resources.log)
    let stage = ShardStage(
      scanner: plan.scanner, folder: folder, resources: request.resources, progress: progress, log: log)
    try await log.recording { try await stage.scan(folder.manifest.shards, merges: true, reader) }
    let merge = MergeStage(folder: folder, request: request, progress: progress, log: log)
    let outcome = try await log.recording { try await merge.merge(allowsMissing: false) }
    if request.dropsShards { try folder.removeShards() }
    log.write(.done)
    merge.say(outcome)
  }

  /// Scores sites alone: minutes of work at most, so that an interrupted run simply starts again.
  private func run(
    sites path: String, _ models: [ScanModel], _ reader: borrowing ReferenceReader, _ sources: RunSources
  ) async throws {
    let (manifest, positions) = try ScanPlanner(request: request, models: models).planSites(reader)
    let scan = SiteScan(
      request: request, model: positions, methods: manifest.settings.methods,
      circular: Set(manifest.settings.circular ?? []))
    let sites = try scan.sites(path, contigs: reader.contigs)
    let folder = try RunFolder(
      starting: request.output, for: manifest, sources: sources, force: request.force, cut: false)
    if folder.isComplete {
      progress.say("\(request.output) is complete: nothing to do (--force starts over)")
      return
    }
    try reopen(folder, folder.damagedFiles)
    let log = try RunLog(of: folder, copy: request.resources.log)
    try scan.selfCheck(sites.first)
    let results = try await scan.score(sites, contigs: reader.contigs, reader, progress)
    let files = SiteFiles(
      folder: folder, contigs: manifest.contigs, settings: manifest.settings, layout: positions.layout, sites: sites,
      results: results)
    var outcome = Merger.Outcome()
    outcome.counts.scored = sites.count
    outcome.counts.windows = sites.count
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
    try MergeStage(folder: folder, request: request, progress: progress, log: log).finish(outcome)
    progress.say("\(request.output): \(sites.count) sites, \(names.joined(separator: ", ")), run.json, igv_session.xml")
  }

  /// A run that was complete and has lost files is incomplete again.
  private func reopen(_ folder: RunFolder, _ damaged: [String]) throws {
    guard !damaged.isEmpty else { return }
    progress.say("\(request.output): \(damaged.joined(separator: ", ")) missing or not as run.json says: written again")
    try folder.removeRecord()
  }
}

extension ScanPlanner.Plan {
  /// Says what is known to give poor results.
  func warn(_ request: ScanRequest, _ progress: Progress) {
    let settings = manifest.settings
    if settings.methods.contains(.tism), settings.audit == nil, request.audit == nil {
      progress.say(
        "TISM is not audited: a tenth of the operations of so small a run does not buy \(3 * AuditBudget.least) exact "
          + "edits; --audit \(3 * AuditBudget.least) asks for them")
    }
    guard settings.methods.contains(.tism), settings.targets.contains(PositionTarget.probability.rawValue) else {
      return
    }
    progress.say(
      "warning: TISM of probability agrees poorly with exact ISM (the sigmoid is far from linear); use weighted, or ISM"
    )
  }
}
