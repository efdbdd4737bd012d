import Foundation
import Glibc
import TrackIO

/// What a process did and when, as JSON lines: what byte identity does not cover. Each process has a file of its own,
/// `log/HOST-PROCESS-*.jsonl`, so that the tasks of a job never write to one file.
struct RunLog: Sendable {
  static let folderName = "log"

  /// Every line goes to each of these; `nil` is standard error.
  private let paths: [String?]

  /// - Parameter copy: a file that gets the same lines, or `-` for standard error.
  init(of folder: RunFolder, copy: String?) throws {
    let own = folder.file(Self.folderName)
    try RunFolder.makeFolder(own, flag: "")
    paths = ["\(own)/\(TemporaryWriter.uniqueField()).jsonl"] + (copy.map { [$0 == "-" ? nil : $0] } ?? [])
  }

  /// Appends a line; a log that cannot be written stops no run.
  func write(_ event: Event, _ facts: [String: any Sendable] = [:]) {
    var line: [String: any Sendable] = facts
    line["event"] = event.rawValue
    let now = Date()
    line["time"] = now.formatted(.iso8601)
    line["seconds"] = (now.timeIntervalSince1970 * 1_000).rounded() / 1_000
    guard let text = try? JSONSerialization.data(withJSONObject: line, options: [.sortedKeys, .withoutEscapingSlashes])
    else { return }
    for path in paths { Self.append([UInt8](text) + [10], to: path) }
  }

  /// The first line of a command.
  func start(_ command: String, _ resources: RunResources, _ facts: [String: any Sendable]) {
    let own: [String: any Sendable] = [
      "command": command, "threads": resources.threads, "process": Int(TemporaryWriter.own.process),
    ]
    write(.start, facts.merging(own) { $1 }.merging(resources.facts) { $1 })
  }

  /// Tells whoever looks that this process lives.
  func touch() {
    if let path = paths[0] { utimensat(AT_FDCWD, path, nil, 0) }
  }

  private static func append(_ bytes: [UInt8], to path: String?) {
    let descriptor = path.map { open($0, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666) } ?? STDERR_FILENO
    guard descriptor >= 0 else { return }
    // One call a line: lines of processes that share a file do not mix.
    _ = Glibc.write(descriptor, bytes, bytes.count)
    if path != nil { close(descriptor) }
  }

  /// Kinds of lines.
  enum Event: String, Codable {
    /// A command starts: what it runs with, and how many bases it is to scan.
    case start
    case selfCheck = "self-check"
    /// Bytes allowed and predicted, and the threads that fit.
    case memory
    /// Bases scored so far by this process.
    case progress
    /// A shard is there.
    case shard
    /// A shard cannot be scored: why.
    case failed
    /// The command ends before its work does: why.
    case stopped
    case done
  }
}

extension RunLog {
  /// Runs a stage and writes down why it ended early.
  func recording<T>(_ body: () async throws -> T) async throws -> T {
    do {
      return try await body()
    } catch {
      switch error {
      case is CancellationError: write(.stopped, ["reason": "interrupted"])
      case ScanError.incomplete(let reason): write(.stopped, ["reason": reason])
      default: write(.failed, ["reason": "\(error)"])
      }
      throw error
    }
  }
}
