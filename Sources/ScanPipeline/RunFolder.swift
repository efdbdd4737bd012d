import Foundation
import GenomeIO
import Glibc
import TrackIO

/// The folder of a run: names of its files, and what of the run is there already.
struct RunFolder: Sendable {
  let path: String
  /// The plan, its work cut as in the folder.
  let manifest: Manifest
  /// What of the manifest decides values.
  let identity: Manifest.Identity

  private var shardFolder: String { file("shards") }

  func file(_ name: String) -> String { "\(path)/\(name)" }
  /// - Parameter number: counted from 1.
  func shardPath(_ number: Int) -> String {
    let digits = String(number)
    return "\(shardFolder)/\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits).shard"
  }

  private init(path: String, manifest: Manifest) throws {
    self.path = path
    self.manifest = manifest
    identity = try manifest.identity()
  }

  // MARK: Opening

  /// Starts the folder for a plan, or opens the one that was started for it.
  /// - Parameter cut: whether a folder with the same plan must have its work cut alike too; otherwise its cut is kept.
  /// - Throws: ``ScanError/otherRun(folder:difference:)`` when another plan is there and `force` is off.
  init(starting path: String, for manifest: Manifest, sources: RunSources, force: Bool, cut: Bool) throws {
    let manager = FileManager.default
    try Self.makeFolder(path, flag: "--output ")
    var manifest = manifest
    let manifestPath = "\(path)/\(Self.manifestName)"
    if force {
      try Self.clear(path)
    } else if let there = try? [UInt8](Data(contentsOf: URL(fileURLWithPath: manifestPath))) {
      if let difference = try manifest.firstDifference(from: there, cut: cut) {
        throw ScanError.otherRun(folder: path, difference: difference)
      }
      manifest = try JSONDecoder().decode(Manifest.self, from: Data(there))
    } else if let stranger = try? manager.contentsOfDirectory(atPath: path).first(where: {
      !$0.hasPrefix(".") && !Self.isOurs($0)
    }) {
      throw ScanError.usage(
        "--output \(path): the folder holds other files (\(stranger)) and no manifest.json; choose an empty or new "
          + "folder, or add to it with --force")
    }
    try self.init(path: path, manifest: manifest)
    removeLeftovers()
    try makeShardFolder()
    // The manifest comes last: a folder that has one can be scanned.
    try write(sources.encoded(), to: RunSources.name)
    guard !manager.fileExists(atPath: manifestPath) else { return }
    var file = try AtomicFile(path: manifestPath)
    try file.write(manifest.encoded())
    // Another plan may have been written since this one looked.
    if try !file.commitIfNew() {
      self = try RunFolder(starting: path, for: manifest, sources: sources, force: false, cut: cut)
    }
  }

  /// Makes the folder of shard files, which merging with `--keep tracks` takes away.
  func makeShardFolder() throws { try Self.makeFolder(shardFolder, flag: "") }

  static func makeFolder(_ path: String, flag: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ScanError.badInput("\(flag)\(path): cannot make the folder: \(reason(error))")
    }
  }

  private static func remove(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw ScanError.failed("\(path): cannot be removed: \(reason(error))")
    }
  }

  /// Opens the folder of a planned run to work in it.
  init(opening path: String) throws {
    try self.init(reading: path)
    removeLeftovers()
  }

  /// Opens the folder of a planned run and changes nothing there.
  init(reading path: String) throws {
    let manifestPath = "\(path)/\(Self.manifestName)"
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: manifestPath)) else {
      throw ScanError.badInput("\(path): no manifest.json there; make the run with tismscan plan --output \(path)")
    }
    struct Format: Decodable { let format: Int }
    guard let format = try? JSONDecoder().decode(Format.self, from: data) else {
      throw ScanError.badInput("\(manifestPath): not a manifest of tismscan")
    }
    guard format.format == Manifest.format, let manifest = try? JSONDecoder().decode(Manifest.self, from: data) else {
      throw ScanError.badInput(
        "\(manifestPath): version \(format.format) of the format, and this program reads \(Manifest.format); plan the run "
          + "anew, or use the tismscan that planned it")
    }
    try self.init(path: path, manifest: manifest)
  }

  static let manifestName = "manifest.json"

  /// Writes a small file, all or nothing; leaves it alone when it has these bytes.
  func write(_ bytes: [UInt8], to name: String) throws {
    if let there = try? [UInt8](Data(contentsOf: URL(fileURLWithPath: file(name)))), there == bytes { return }
    var written = try AtomicFile(path: file(name))
    try written.write(bytes)
    try written.commit()
  }

  /// Takes away what an earlier run left: its plan first, so that nothing half-removed looks like a run.
  private static func clear(_ path: String) throws {
    let manager = FileManager.default
    for name in [manifestName, "run.json"] { try remove("\(path)/\(name)") }
    for name in (try? manager.contentsOfDirectory(atPath: path)) ?? [] where isOurs(name) {
      try remove("\(path)/\(name)")
    }
  }

  private static func isOurs(_ name: String) -> Bool {
    Method.allCases.contains { name.hasPrefix("\($0.rawValue).") }
      && [".bw", ".bedGraph.gz", ".bedGraph.gz.tbi", ".bedGraph.gz.csi", ".npz"].contains { name.hasSuffix($0) }
      || name.hasPrefix("calls.") || name.hasPrefix("sites.")
      || ["chrom.sizes", "igv_session.xml", RunSources.name, RunLog.folderName, "shards"].contains(name)
  }

  /// Takes away temporary files that processes of this machine left when they were killed. Those of other machines stay:
  /// whether they are still written cannot be seen from here.
  private func removeLeftovers() {
    for folder in [path, shardFolder] {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
        guard let writer = AtomicFile.writer(ofTemporary: name), writer.isHere, !writer.isAlive else { continue }
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }

  // MARK: Shards

  /// Checksum of which bases a shard has in which units.
  func cut(of shard: Manifest.Shard) -> String {
    var checksum = Checksum()
    for part in manifest.parts(of: shard) {
      for stretch in part { checksum.update("\(stretch.contig) \(stretch.start) \(stretch.end)\n".utf8) }
      checksum.update("\n".utf8)
    }
    return checksum.hex
  }

  /// What is there of a shard, by its record.
  enum ShardState {
    case missing
    case damaged
    /// Of another run: what differs, in words.
    case foreign(String)
    case complete(ShardReader)
  }

  /// - Throws: a shard that is there and cannot be read.
  func state(of shard: Manifest.Shard) throws -> ShardState {
    switch try ShardReader.open(shardPath(shard.number)) {
    case .missing: return .missing
    case .damaged: return .damaged
    case .whole(let reader):
      if let difference = identity.difference(from: reader.record.identity) { return .foreign(difference) }
      guard reader.record.shard == shard.number, reader.record.cut == cut(of: shard) else {
        return .foreign("other bases, of another cut into shards")
      }
      return .complete(reader)
    }
  }

  /// Whether a shard has to be scanned (again), by everything in its file.
  /// - Throws: a shard that is there and cannot be read.
  func needs(_ shard: Manifest.Shard) throws -> Bool {
    guard case .complete(let reader) = try state(of: shard) else { return true }
    do {
      try reader.check()
      return false
    } catch ScanError.damagedShard {
      return true
    }
  }

  func removeShard(_ number: Int) { unlink(shardPath(number)) }
  func removeShards() throws { try Self.remove(shardFolder) }

  /// Whether any piece of the scores is left.
  var hasShards: Bool {
    ((try? FileManager.default.contentsOfDirectory(atPath: shardFolder)) ?? []).contains { $0.hasSuffix(".shard") }
  }

  /// Shards that are being written, or were when their writer died, with who writes them.
  var openShards: [(number: Int, writer: TemporaryWriter)] {
    ((try? FileManager.default.contentsOfDirectory(atPath: shardFolder)) ?? []).compactMap { name in
      guard let writer = AtomicFile.writer(ofTemporary: name), let number = Int(name.dropFirst().prefix { $0 != "." })
      else { return nil }
      return (number, writer)
    }
  }

  // MARK: The finished run

  /// The record of this plan; `nil` while the run is not complete, because it is written last.
  var record: RunRecord? {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: file("run.json"))),
      let record = try? JSONDecoder().decode(RunRecord.self, from: data), record.manifest == identity.checksum
    else { return nil }
    return record
  }

  /// True when the run is complete and every file that it wrote is there in its size.
  var isComplete: Bool { record.map { $0.missing == nil } == true && damagedFiles.isEmpty }

  /// Files of a complete run that are missing or have another size than they were written with.
  var damagedFiles: [String] { (record?.files ?? []).filter { size(of: $0.name) != $0.bytes }.map(\.name) }

  private func size(of name: String) -> Int? {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file(name))
    return (attributes?[.size] as? NSNumber)?.intValue
  }

  /// Sizes and digests of files, with the indexes that lie beside them.
  func records(of names: [String]) throws -> [RunRecord.File] {
    let all = names.flatMap { name in
      [name] + ["tbi", "csi"].map { "\(name).\($0)" }.filter { size(of: $0) != nil && name.hasSuffix(".gz") }
    }
    return try all.map {
      RunRecord.File(name: $0, bytes: size(of: $0) ?? 0, md5: try FileDigest.md5(path: file($0)))
    }
  }

  func removeRecord() throws { try Self.remove(file("run.json")) }

  static func reason(_ error: any Error) -> String { (error as NSError).localizedDescription }
}
