import Foundation
import GenomeIO

/// Plans a run and says what it will take: `plan`.
public struct PlanRun {
  private let request: ScanRequest
  private let progress: Progress

  public init(_ request: ScanRequest, progress: Progress) {
    self.request = request
    self.progress = progress
  }

  /// - Parameter isDry: only say what the run would be.
  /// - Returns: the plan in words, for standard output.
  public func callAsFunction(isDry: Bool) throws -> String {
    if request.sites != nil { throw ScanError.usage("--sites are minutes of work: scan them in one go") }
    let models = try request.models.map { try ScanModel($0) }
    // Before the genome is read: a change in between is one.
    let sources = try RunSources(request)
    let reader = try ReferenceReader(path: request.genome)
    var plan = try ScanPlanner(request: request, models: models).plan(reader)
    plan.warn(request, progress)
    let trial = try ScanTrial(plan, reader)
    if case .seconds(let wanted) = request.cut {
      let seconds = trial.seconds(strandBases: plan.manifest.strandBases, threads: request.resources.threads)
      plan.cut(into: max(1, Int((seconds / wanted).rounded(.up))))
    }
    if case .count(let wanted) = request.cut, plan.manifest.shards.count < wanted {
      progress.say(
        "\(plan.manifest.shards.count) shards instead of \(wanted): "
          + (plan.manifest.settings.keepsBlocks
            ? "audits and hybrid scans choose edits within blocks of \(GridBlock.length) bases, which are not cut (--audit 0 "
              + "cuts anywhere)" : "there are no more bases"))
    }
    let memory = try MemoryBudget(limit: request.resources.memory).settle(
      plan.scanner, threads: request.resources.threads,
      unitBytes: plan.manifest.unitBases * plan.manifest.settings.bytesOfBase)
    guard !isDry else { return PlanSummary(plan.manifest, trial, memory).text(everyShard: true) }
    let folder = try RunFolder(
      starting: request.output, for: plan.manifest, sources: sources, force: request.force,
      cut: request.cut != nil)
    progress.say("\(request.output)/\(RunFolder.manifestName): tismscan scan --run \(request.output) scans it")
    return PlanSummary(folder.manifest, trial, memory).text(everyShard: false)
  }
}

/// How fast this machine scans: measured by running the scan's own code on a part of the genome.
struct ScanTrial {
  /// Seconds of one core for a strand base.
  let secondsOfBase: Double

  /// About how long a trial takes.
  private static let seconds = 2.0

  init(_ plan: ScanPlanner.Plan, _ reader: borrowing ReferenceReader) throws {
    // From the middle, where there are bases; ever more of them until the time is well measured.
    let shards = plan.manifest.shards
    let units = plan.manifest.units(ofShardAt: shards.count / 2)
    let unit = units[units.count / 2]
    var scanner = plan.scanner
    let isBlock = plan.manifest.settings.keepsBlocks
    // Audits cost little and need whole blocks.
    if isBlock, scanner.hybrid == nil { scanner.audit = nil }
    let start = ProcessInfo.processInfo.systemUptime
    var (bases, measured) = (256, 0.0)
    while true {
      let part = WorkUnit(strand: unit.strand, stretches: Self.prefix(unit.stretches, bases))
      let read = try scanner.bases(of: part, from: reader)
      let before = ProcessInfo.processInfo.systemUptime
      _ = try scanner.score(part, read)
      let now = ProcessInfo.processInfo.systemUptime
      measured = (now - before) / Double(part.baseCount)
      guard now - start < Self.seconds, part.baseCount < unit.baseCount else { break }
      bases = part.baseCount * 2
    }
    secondsOfBase = measured
  }

  private static func prefix(_ stretches: [Manifest.Stretch], _ bases: Int) -> [Manifest.Stretch] {
    var left = bases
    return stretches.compactMap { stretch in
      guard left > 0 else { return nil }
      let taken = min(left, stretch.range.count)
      left -= taken
      return Manifest.Stretch(contig: stretch.contig, start: stretch.start, end: stretch.start + taken)
    }
  }

  func seconds(strandBases: Int, threads: Int) -> Double { secondsOfBase * Double(strandBases) / Double(threads) }
}

/// A plan in words.
struct PlanSummary {
  private let manifest: Manifest
  private let trial: ScanTrial
  private let memory: MemoryBudget.Settled

  /// - Parameter memory: what a scan with the threads that fit takes, whatever the shard.
  init(_ manifest: Manifest, _ trial: ScanTrial, _ memory: MemoryBudget.Settled) {
    (self.manifest, self.trial, self.memory) = (manifest, trial, memory)
  }

  private var threads: Int { memory.threads }

  private var edits: Int {
    let exact = manifest.settings.methods.contains { $0 != .predict }
    return exact ? 3 * manifest.strandBases : 0
  }

  func text(everyShard: Bool) -> String {
    let space = DiskSpace(manifest.settings)
    let bases = manifest.strandBases
    let largest = manifest.shards.map(manifest.strandBases).max() ?? 0
    var lines = [
      "shards        \(manifest.shards.count), of at most \(largest) strand bases",
      "strand bases  \(bases)", "edits         \(edits)",
      "multiply-adds \(scientific(manifest.shards.reduce(0.0) { $0 + Double($1.multiplyAdds) }))",
      "time          \(time(bases)) with \(threads) threads; \(time(largest)) for the largest shard",
      "memory        \(bytes(memory.bytes)) with \(threads) threads, whatever the shard",
      "disk          \(bytes(space.shards(strandBases: bases))) of shards, about "
        + "\(bytes(space.tracks(strandBases: bases))) of tracks",
    ]
    guard everyShard else { return lines.joined(separator: "\n") }
    lines += ["", ["shard", "strand bases", "edits", "multiply-adds", "seconds", "MiB"].joined(separator: "\t")]
    for shard in manifest.shards {
      let bases = manifest.strandBases(of: shard)
      lines.append(
        [
          "\(shard.number)", "\(bases)", "\(edits == 0 ? 0 : 3 * bases)", scientific(Double(shard.multiplyAdds)),
          fixed(trial.seconds(strandBases: bases, threads: threads), digits: 1),
          fixed(Double(space.shards(strandBases: bases)) / 0x1p20, digits: 1),
        ].joined(separator: "\t"))
    }
    return lines.joined(separator: "\n")
  }

  private func time(_ strandBases: Int) -> String {
    Progress.duration(trial.seconds(strandBases: strandBases, threads: threads))
  }

  private func scientific(_ number: Double) -> String { String(format: "%.2e", number) }

  private func bytes(_ count: Int) -> String {
    count < 10 << 30
      ? "\((count + (1 << 20) - 1) >> 20) MiB" : "\(fixed(Double(count) / 0x1p30, digits: 1)) GiB"
  }
}
