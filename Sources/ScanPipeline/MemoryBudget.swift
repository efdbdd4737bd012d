import Attribution
import Foundation
import Glibc
import Tensors

/// Settles how many tasks, and tiles of which length, fit into the memory that a process may use.
struct MemoryBudget {
  /// Bytes asked for; `nil` for the default: a gibibyte besides what the model takes once, or half of what the control
  /// group allows when that is less.
  let limit: Int?

  /// Tiles are not made shorter than this: flanks would cost more than bases.
  static let shortestTile = 256
  private static let defaultRoom = 1 << 30

  /// A scanner and a number of tasks that fit.
  struct Settled {
    let scanner: ShardScanner
    let threads: Int
    /// Bytes that the process is predicted to take.
    let bytes: Int
    /// Bytes that it may take.
    let limit: Int
  }

  /// Takes as many tasks as fit, up to `threads`; where not even one does, shorter tiles, or
  /// windows that share nothing.
  /// - Parameter unitBytes: of a unit's scores.
  /// - Throws: ``ScanError/failed(_:)`` when the least is too much, saying how much that is.
  func settle(_ scanner: ShardScanner, threads: Int, unitBytes: Int) throws -> Settled {
    var scanner = scanner
    while true {
      let task = try scanner.taskBytes + Self.copies * unitBytes
      // Measured when every program is there, so that weights, which no task has of its own, are in it; without what the
      // self-check held.
      SessionMemory.trim()
      let shared = Self.residentBytes()
      let limit = self.limit ?? min(shared + Self.defaultRoom, Self.groupLimit.map { $0 / 2 } ?? .max)
      let room = max(0, limit - shared) / max(1, task)
      if room >= 1 {
        let threads = min(threads, room)
        return Settled(scanner: scanner, threads: threads, bytes: shared + threads * task, limit: limit)
      }
      guard let smaller = try scanner.withLessMemory(tilesAtLeast: Self.shortestTile) else {
        // What is in memory differs a little from start to start.
        let needed = Self.mebibytes((shared + task) / 16 * 17)
        throw ScanError.failed(
          "--max-memory \(Self.mebibytes(limit))M: the model alone takes \(Self.mebibytes(shared)) MiB and one thread "
            + "\(Self.mebibytes(task)) MiB more; give at least --max-memory \(needed)M")
      }
      scanner = smaller
    }
  }

  /// A unit's scores are held about so often: while they are made, and in the results that wait for their turn.
  private static let copies = 6

  static func mebibytes(_ bytes: Int) -> Int { (bytes + (1 << 20) - 1) >> 20 }

  /// Bytes of this process that are in memory now.
  private static func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// What the control groups of this process allow, the strictest of them; `nil` for no limit.
  private static var groupLimit: Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8) else { return nil }
    return groupLimit(of: text, root: "/sys/fs/cgroup")
  }

  /// - Parameters:
  ///   - text: of `/proc/self/cgroup`.
  ///   - root: where the control groups are mounted.
  static func groupLimit(of text: String, root: String) -> Int? {
    var limits: [Int] = []
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      // Version 2 has one hierarchy; version 1 one for memory.
      let isUnified = fields[0] == "0" && fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains("memory") else { continue }
      let (mount, name) = isUnified ? (root, "memory.max") : ("\(root)/memory", "memory.limit_in_bytes")
      // A group's parents limit it too.
      var path = fields[2].split(separator: "/")
      while true {
        let file = ([mount] + path.map(String.init) + [name]).joined(separator: "/")
        if let limit = (try? String(contentsOfFile: file, encoding: .utf8)).flatMap({
          Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }), limit < 1 << 60 {
          limits.append(limit)
        }
        if path.isEmpty { break }
        path.removeLast()
      }
    }
    return limits.min()
  }
}

extension ShardScanner {
  /// Bytes of the sessions that one task holds, at most; compiles what it will run.
  fileprivate var taskBytes: Int {
    get throws {
      var ways: [ScoringMemory.Way] = []
      if methods.contains(.tism) {
        ways.append(.gradients)
      } else if methods.contains(.predict) {
        ways.append(.predictions)
      }
      let isExact = methods.contains(.ism) || audit != nil || hybrid != nil
      if isExact { ways.append(engine == .fast ? .differences : .passes) }
      // A task runs one model, one way, at a time.
      return try ways.flatMap { way in
        try plans.map { plan in
          switch plan {
          case .positions(let models, _): try ScoringMemory.bytes(models[0], way)
          case .windows(let model, _): try ScoringMemory.bytes(model, way)
          }
        }
      }.max() ?? 0
    }
  }

  /// The same with tiles of half the length, where the model takes any length, or with windows that share nothing; `nil` when
  /// there is no more to be done without. Scores do not change.
  fileprivate func withLessMemory(tilesAtLeast shortest: Int) throws -> ShardScanner? {
    let smaller = try plans.map { try $0.withLessMemory(tilesAtLeast: shortest) }
    guard smaller.contains(where: { $0 != nil }) else { return nil }
    var scanner = self
    scanner.plans = zip(smaller, plans).map { $0 ?? $1 }
    return scanner
  }
}

extension ShardScanner.Plan {
  fileprivate func withLessMemory(tilesAtLeast shortest: Int) throws -> ShardScanner.Plan? {
    switch self {
    case .windows(let model, let placements):
      guard model.step != nil else { return nil }
      return .windows(
        try WindowModel(model.network, length: model.length, targets: model.targets), placements: placements)
    case .positions(let models, let targets):
      guard models[0].network.fixedLength == nil, models[0].tile / 2 >= shortest else { return nil }
      return .positions(
        models: try models.map { try PositionModel($0.network, layout: $0.layout, tile: $0.tile / 2) },
        targets: targets)
    }
  }
}
