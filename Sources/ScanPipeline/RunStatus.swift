import Foundation
import Glibc
import TrackIO

/// What is there of a run, and who works on it: `status`.
public struct RunStatus: Encodable, Sendable {
  /// A process that has begun and not ended.
  public struct Worker: Encodable, Sendable {
    public let host: String
    public let process: Int
    /// Shards that it was started for, as text.
    public let shards: String
    /// Strand bases a second; `nil` before the first are done.
    public let basesPerSecond: Double?
    /// Seconds since it was last heard of.
    public let silentFor: Double
  }
  /// A shard that could not be scanned the last time it was tried, and is still missing.
  public struct Failure: Encodable, Sendable {
    public let shard: Int
    public let reason: String
  }

  public let shards: Int
  /// Complete shards.
  public let done: Int
  /// Numbers of the missing ones, as text.
  public let missing: String
  public let strandBases: Int
  public let doneStrandBases: Int
  public let running: [Worker]
  /// Shards that are being written, as text.
  public let open: String
  public let failed: [Failure]
  /// At the rate of what runs; `nil` when nothing does.
  public let secondsLeft: Double?
  /// Whether the tracks are there.
  public let isMerged: Bool

  /// A process of another machine that was silent for longer is taken to be dead.
  private static let silence = 180.0

  public init(of path: String) throws {
    let folder = try RunFolder(reading: path)
    let manifest = folder.manifest
    isMerged = folder.isComplete
    // A merged run needs no shards, which --keep tracks removes.
    let missing = try manifest.shards.filter { [isMerged] shard in
      if isMerged { return false }
      return if case .complete = try folder.state(of: shard) { false } else { true }
    }
    let numbers = Set(missing.map(\.number))
    let logs = ProcessLog.all(of: folder)
    shards = manifest.shards.count
    done = shards - missing.count
    self.missing = ShardList.text(missing.map(\.number))
    strandBases = manifest.strandBases
    let left = missing.reduce(0) { $0 + manifest.strandBases(of: $1) }
    doneStrandBases = strandBases - left
    running = logs.filter { $0.isRunning(silence: Self.silence) }.map(\.worker)
    open = ShardList.text(
      Set(folder.openShards.filter { $0.writer.isHere ? $0.writer.isAlive : true }.map(\.number))
        .intersection(numbers).sorted())
    let failures = logs.sorted { $0.lastHeard < $1.lastHeard }.reduce(into: [Int: String]()) { failures, log in
      for (shard, reason) in log.failures { failures[shard] = reason }
    }
    failed = failures.filter { numbers.contains($0.key) }.map { Failure(shard: $0.key, reason: $0.value) }
      .sorted { $0.shard < $1.shard }
    let rate = running.compactMap(\.basesPerSecond).reduce(0, +)
    secondsLeft = missing.isEmpty ? 0 : rate > 0 ? Double(left) / rate : nil
  }

  public var text: String {
    var lines = [
      "done     \(done) of \(shards) shards, \(doneStrandBases) of \(strandBases) strand bases"
        + (isMerged ? "; merged" : done == shards ? "; not merged" : ""),
      "running  \(running.count) processes" + (open.isEmpty ? "" : ", at shards \(open)"),
    ]
    for worker in running {
      let rate = worker.basesPerSecond.map { "\(Int($0)) strand bases a second" } ?? "nothing done yet"
      lines.append(
        "         \(worker.host), process \(worker.process), shards \(worker.shards): \(rate), heard "
          + "\(Int(worker.silentFor)) s ago")
    }
    lines.append("failed   \(failed.count) shards")
    lines += failed.map { "         \($0.shard): \($0.reason)" }
    if done < shards { lines.append("missing  \(missing)") }
    lines.append("left     " + (secondsLeft.map { Progress.duration($0) } ?? "unknown: nothing is running"))
    return lines.joined(separator: "\n")
  }

  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

/// The log of one process of a run, read back.
private struct ProcessLog {
  let writer: TemporaryWriter
  /// Seconds since 1970.
  let lastHeard: Double
  private var host: String
  private var shards = ""
  private var hasEnded = false
  private var isScan = false
  private var rate: Double?
  private(set) var failures: [Int: String] = [:]

  static func all(of folder: RunFolder) -> [ProcessLog] {
    let path = folder.file(RunLog.folderName)
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).compactMap {
      ProcessLog(name: $0, path: "\(path)/\($0)")
    }
  }

  private init?(name: String, path: String) {
    var status = stat()
    guard name.hasSuffix(".jsonl"), let writer = TemporaryWriter(field: name.dropLast(6)), stat(path, &status) == 0,
      let data = try? Data(contentsOf: URL(fileURLWithPath: path))
    else { return nil }
    self.writer = writer
    host = writer.host
    lastHeard = Double(status.st_mtim.tv_sec)
    for line in data.split(separator: 10) {
      guard let facts = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
        let event = (facts["event"] as? String).flatMap(RunLog.Event.init)
      else { continue }
      read(event, facts)
    }
  }

  private mutating func read(_ event: RunLog.Event, _ facts: [String: Any]) {
    switch event {
    case .start:
      isScan = isScan || facts["command"] as? String == "scan"
      host = facts["host"] as? String ?? host
      shards = facts["shards"] as? String ?? shards
    case .progress:
      guard let scored = facts["scored"] as? Double, let elapsed = facts["elapsed"] as? Double, elapsed > 0 else {
        return
      }
      rate = scored / elapsed
    case .shard:
      if let number = facts["shard"] as? Int { failures[number] = nil }
    case .failed:
      if let number = facts["shard"] as? Int { failures[number] = facts["reason"] as? String ?? "" }
      hasEnded = hasEnded || facts["shard"] == nil
    case .stopped, .done: hasEnded = true
    case .selfCheck, .memory: break
    }
  }

  func isRunning(silence: Double) -> Bool {
    isScan && !hasEnded && (writer.isHere ? writer.isAlive : Date().timeIntervalSince1970 - lastHeard < silence)
  }

  var worker: RunStatus.Worker {
    RunStatus.Worker(
      host: host, process: Int(writer.process), shards: shards, basesPerSecond: rate,
      silentFor: max(0, Date().timeIntervalSince1970 - lastHeard))
  }
}
