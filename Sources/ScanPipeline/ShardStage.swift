import Attribution
import Foundation
import GenomeIO

/// Scans shards of a run: units on all threads, written in order, so that a shard or two at most are open at a time.
struct ShardStage {
  let scanner: ShardScanner
  let folder: RunFolder
  let resources: RunResources
  let progress: Progress
  let log: RunLog

  private var manifest: Manifest { folder.manifest }

  /// A unit with what it reads.
  private struct Job: Sendable {
    let place: UnitCursor.Place
    let bases: [StrandBases]
  }

  /// Scans those of the wanted shards that are not there.
  /// - Parameter merges: whether the disk must hold tracks too.
  /// - Throws: ``ScanError/incomplete(_:)`` when time is up before all are done.
  func scan(_ wanted: [Manifest.Shard], merges: Bool, _ reader: borrowing ReferenceReader) async throws {
    let missing = try wanted.filter(folder.needs)
    let total = wanted.reduce(0) { $0 + manifest.strandBases(of: $1) }
    var left = missing.reduce(0) { $0 + manifest.strandBases(of: $1) }
    try DiskSpace(manifest.settings).check(
      scanned: left, merged: merges ? manifest.strandBases : 0, folder: folder.path)
    log.start("scan", resources, ["shards": ShardList.text(missing.map(\.number)), "strandBases": left])
    guard let first = missing.first else { return }
    if missing.count < wanted.count {
      progress.say("resuming: \(wanted.count - missing.count) of \(wanted.count) shards are there")
    }
    let heartbeat = Heartbeat(log)
    defer { heartbeat.stop() }
    let unit = manifest.units(ofShardAt: first.number - 1)[0]
    log.write(.selfCheck, try scanner.selfCheck(unit, try scanner.bases(of: unit, from: reader)).facts)
    let (scanner, threads) = try fitting()

    var jobs = UnitCursor(manifest, missing)
    var clock = ShardClock(stopAt: resources.stopAt)
    var writer: ShardWriter?
    var finished = 0
    progress.begin(resumed: total - left)
    do {
      try await OrderedTasks.run(
        count: .max, threads: threads,
        next: { _ -> Preparation<Job> in
          // Before anything was measured, only one shard is begun that may have to be left.
          if clock.isBlind, jobs.isBetweenShards { return .later }
          guard
            let next = jobs.next(where: {
              clock.fits(manifest.strandBases(of: $0), unit: manifest.unitBases, threads: threads)
            })
          else { return .over }
          clock.begun(next.unit.baseCount)
          return .ready(Job(place: next, bases: try scanner.bases(of: next.unit, from: reader)))
        },
        work: { [log] _, job -> (place: UnitCursor.Place, result: UnitResult, seconds: Double) in
          do {
            let start = ProcessInfo.processInfo.systemUptime
            let result = try scanner.score(job.place.unit, job.bases)
            return (job.place, result, ProcessInfo.processInfo.systemUptime - start)
          } catch {
            if !(error is CancellationError) {
              log.write(.failed, ["shard": job.place.shard.number, "reason": "\(error)"])
            }
            throw error
          }
        },
        commit: { _, done in
          let (place, result) = (done.place, done.result)
          let number = place.shard.number
          if writer == nil {
            writer = try ShardWriter(
              path: folder.shardPath(number), identity: folder.identity, shard: number, cut: folder.cut(of: place.shard)
            )
          }
          try writer!.append(result)
          left -= place.unit.baseCount
          clock.scored(place.unit.baseCount, seconds: done.seconds)
          if place.isLast {
            try writer!.finish()
            writer = nil
            finished += 1
            log.write(.shard, ["shard": number, "strandBases": manifest.strandBases(of: place.shard)])
          }
          if place.isLast || clock.isLineDue {
            log.write(.progress, ["scored": clock.total, "elapsed": clock.elapsed, "left": left])
          }
          progress.scanned(total - left, of: total)
        })
    } catch is CancellationError where clock.isOver && clock.hadTime && finished == 0 {
      // The same again would end the same way: a failure, and not a pause.
      throw ScanError.failed(
        "stopped: \(Progress.duration(clock.elapsed)) were too short for a whole shard (\(clock.total) of "
          + "\(manifest.strandBases(of: first)) strand bases of shard \(first.number) were scored, and are lost); give more "
          + "time, or plan more shards (tismscan plan --shards)")
    }
    if let stopped = jobs.refused {
      throw ScanError.incomplete(
        "stopped: shard \(stopped) would not be done before the time limit; run the same command again for the "
          + "\(missing.count - jobs.taken) shards that are left")
    }
  }
}

extension ShardStage {
  /// The scanner and the number of threads that fit into memory.
  private func fitting() throws -> (scanner: ShardScanner, threads: Int) {
    let settled = try MemoryBudget(limit: resources.memory).settle(
      scanner, threads: resources.threads, unitBytes: manifest.unitBases * manifest.settings.bytesOfBase)
    let facts = ["limit": settled.limit, "predicted": settled.bytes, "threads": settled.threads]
    log.write(.memory, facts)
    if settled.threads < resources.threads {
      progress.say(
        "\(settled.threads) of \(resources.threads) threads fit into \(MemoryBudget.mebibytes(settled.limit)) MiB "
          + "(--max-memory)")
    }
    return (settled.scanner, settled.threads)
  }
}

/// The units of shards one after the other; made when they are wanted, because a genome has many.
private struct UnitCursor {
  struct Place: Sendable {
    let shard: Manifest.Shard
    let unit: WorkUnit
    let isLast: Bool
  }
  private let manifest: Manifest
  private let shards: [Manifest.Shard]
  private var units: [WorkUnit] = []
  private var next = 0
  /// Shards begun.
  private(set) var taken = 0
  /// Number of the shard that was not begun.
  private(set) var refused: Int?

  init(_ manifest: Manifest, _ shards: [Manifest.Shard]) { (self.manifest, self.shards) = (manifest, shards) }

  /// Whether the next unit is a shard's first.
  var isBetweenShards: Bool { next == units.count }

  /// - Parameter fits: whether to begin a shard; after the first that is refused no unit follows.
  mutating func next(where fits: (Manifest.Shard) -> Bool) -> Place? {
    if next == units.count {
      guard refused == nil, taken < shards.count else { return nil }
      guard fits(shards[taken]) else {
        refused = shards[taken].number
        return nil
      }
      units = manifest.units(ofShardAt: shards[taken].number - 1)
      (next, taken) = (0, taken + 1)
    }
    next += 1
    return Place(shard: shards[taken - 1], unit: units[next - 1], isLast: next == units.count)
  }
}

/// Measures how fast a process scans, and says what fits into its time.
private struct ShardClock {
  let stopAt: Date?
  private let start = ProcessInfo.processInfo.systemUptime
  private var lastLine = ProcessInfo.processInfo.systemUptime
  /// Strand bases scored.
  private(set) var total = 0
  /// Strand bases that were begun and are not scored yet.
  private var pending = 0
  /// Of single threads, for what is scored.
  private var seconds = 0.0

  /// Seconds between progress lines of the log.
  private static let interval = 15.0

  /// Whether there was time to try anything.
  let hadTime: Bool

  init(stopAt: Date?) {
    self.stopAt = stopAt
    hadTime = stopAt.map { $0.timeIntervalSinceNow > 1 } ?? true
  }

  var elapsed: Double { ProcessInfo.processInfo.systemUptime - start }

  /// Whether the time limit has come; timers and clocks may differ by a little.
  var isOver: Bool { stopAt.map { $0.timeIntervalSinceNow < 0.5 } ?? false }

  mutating func begun(_ bases: Int) { pending += bases }

  mutating func scored(_ bases: Int, seconds: Double) {
    total += bases
    pending -= bases
    self.seconds += seconds
  }

  /// True while there is a limit, something is under way, and nothing says how long it takes.
  var isBlind: Bool { stopAt != nil && total == 0 && pending > 0 }

  var isLineDue: Bool {
    mutating get {
      let now = ProcessInfo.processInfo.systemUptime
      guard now - lastLine >= Self.interval else { return false }
      lastLine = now
      return true
    }
  }

  /// Whether a shard would be done in time behind what is under way, by the time that bases took so far; the first one is
  /// tried while there is any time.
  /// - Parameters:
  ///   - bases: strand bases of the shard.
  ///   - unit: bases of a unit, which one thread scores.
  func fits(_ bases: Int, unit: Int, threads: Int) -> Bool {
    guard let stopAt else { return true }
    let left = stopAt.timeIntervalSinceNow
    guard total > 0 else { return left > 0 }
    let waiting = Double(pending + bases) / Double(threads) + Double(min(unit, bases))
    return seconds / Double(total) * waiting <= left
  }
}

extension CheckTally {
  /// For the log.
  fileprivate var facts: [String: String] {
    [
      "ism": "\(ism.scores)", "tism": "\(tism.scores)", "kinks": "\(tism.kinks)",
      "largestShareOfTolerance": "\(max(ism.largestShareOfTolerance, tism.largestShareOfTolerance))",
    ]
  }
}
