import Foundation
import GenomeIO

/// Scans shards of a planned run: `scan --run`.
public struct ShardScan {
  /// Which shards to take: all that are missing when nothing is said.
  public enum Selection: Sendable {
    case all
    /// Numbers and ranges as texts, counted from 1.
    case numbers([String])
    /// `K/N`: every N-th shard from the K-th.
    case part(String)
  }

  private let run: String
  private let selection: Selection
  private let version: String
  private let resources: RunResources
  private let progress: Progress
  /// Where the models and the genome lie now, when they have moved; no models when they have not.
  public var models: [String] = []
  public var genome: String?
  /// The same for files that the plan was made with, and for bindings of inputs.
  public var regions, exclude, genes: String?
  public var inputs: [String: String] = [:]

  public init(run: String, _ selection: Selection, version: String, resources: RunResources, progress: Progress) {
    (self.run, self.selection, self.version) = (run, selection, version)
    (self.resources, self.progress) = (resources, progress)
  }

  /// Scans what is missing of the selection. Cancelling the task leaves a folder that the same call goes on with.
  public func callAsFunction() async throws {
    let folder = try RunFolder(opening: run)
    let count = folder.manifest.shards.count
    let numbers =
      switch selection {
      case .all: Array(1...max(1, count))
      case .numbers(let texts): try ShardList.parse(texts, count: count)
      case .part(let text): try ShardList.parse(part: text, count: count)
      }
    if folder.isComplete {
      progress.say("\(run) is merged: nothing to do")
      return
    }
    guard count > 0 else { throw ScanError.usage("--run \(run): a run of sites has no shards; scan it in one go") }
    try folder.makeShardFolder()
    let sources = try RunSources(of: folder)
    var request = sources.request
    request.version = version
    if !models.isEmpty {
      guard models.count == request.models.count else {
        throw ScanError.usage("--model: \(models.count) named, and the run was planned with \(request.models.count)")
      }
      for (number, path) in models.enumerated() { request.models[number].path = path }
    }
    if let genome { request.genome = genome }
    for (flag, given, planned) in [
      ("--regions", regions, request.regions), ("--exclude", exclude, request.exclude),
      ("--genes", genes, request.genes),
    ] where given != nil && planned == nil { throw ScanError.usage("\(flag): the run was planned without") }
    request.regions = regions ?? request.regions
    request.exclude = exclude ?? request.exclude
    request.genes = genes ?? request.genes
    for number in request.models.indices { request.models[number].inputs.merge(inputs) { $1 } }
    let reader = try ReferenceReader(path: request.genome)
    // A genome that was not touched since the plan is not read again: that would cost each task of a job minutes.
    let isKnown = RunSources.FileStamp(path: request.genome) == sources.genome
    let opened = try request.models.map { try ScanModel($0) }
    // Before anything is settled for it: another network may have other outputs altogether.
    guard opened.flatMap(\.fileRecords).map(\.md5) == folder.manifest.model.map(\.md5) else {
      throw ScanError.badInput(
        "\(run): planned with another network than \(request.models.map(\.path).joined(separator: ", ")) (model[].md5 in "
          + "manifest.json; those of an ensemble in their order); --model says where the planned one lies now")
    }
    let plan = try ScanPlanner(request: request, models: opened).plan(
      reader, planned: folder.manifest, genomeIsKnown: isKnown)
    if let difference = try plan.manifest.firstDifference(from: folder.manifest.encoded(), cut: false) {
      throw ScanError.badInput(
        "\(run): what it was planned with is not what is here now (\(difference)); --model and --genome say where files "
          + "lie that have moved, and tismscan plan makes a new run")
    }
    let log = try RunLog(of: folder, copy: resources.log)
    let stage = ShardStage(
      scanner: plan.scanner, folder: folder, resources: resources, progress: progress, log: log)
    try await log.recording {
      try await stage.scan(numbers.map { folder.manifest.shards[$0 - 1] }, merges: false, reader)
    }
    log.write(.done)
    progress.say("\(run): \(numbers.count) of \(count) shards were asked for, and all of them are there")
  }
}

/// Makes tracks of a run's shards: `merge`.
public struct ShardMerge {
  private let run: String
  private let allowsMissing: Bool
  private let resources: RunResources
  private let progress: Progress

  /// Where the genome lies now, when it has moved: the IGV session names it.
  public var genome: String?

  /// - Parameter allowsMissing: bases of missing shards get no values, instead of an error.
  public init(run: String, allowsMissing: Bool, resources: RunResources, progress: Progress) {
    (self.run, self.allowsMissing) = (run, allowsMissing)
    (self.resources, self.progress) = (resources, progress)
  }

  public func callAsFunction() async throws {
    let folder = try RunFolder(opening: run)
    if folder.isComplete {
      progress.say("\(run) is complete: nothing to do")
      return
    }
    guard !folder.manifest.shards.isEmpty else {
      throw ScanError.usage("\(run): a run of sites has no shards; scan it in one go")
    }
    var request = try RunSources(of: folder).request
    request.resources = resources
    if let genome {
      guard FileManager.default.fileExists(atPath: genome) else {
        throw ScanError.badInput("--genome \(genome): no such file")
      }
      request.genome = genome
    }
    if folder.record != nil { try folder.removeRecord() }
    let log = try RunLog(of: folder, copy: resources.log)
    let stage = MergeStage(folder: folder, request: request, progress: progress, log: log)
    log.start("merge", resources, [:])
    let outcome = try await log.recording { try await stage.merge(allowsMissing: allowsMissing) }
    if request.dropsShards, outcome.missing.isEmpty { try folder.removeShards() }
    log.write(.done)
    stage.say(outcome)
  }
}
