import Foundation
import GenomeIO
import Glibc
import TrackIO

/// The folder of a run: names of its files, and what of the run is there already.
struct RunFolder {
  let path: String
  /// Checksum of the manifest's bytes; shards and run record carry it.
  let manifestChecksum: String

  private var shardFolder: String { file("shards") }

  func file(_ name: String) -> String { "\(path)/\(name)" }
  func shardPath(_ number: Int) -> String {
    let digits = String(number)
    return "\(shardFolder)/\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits).shard"
  }

  /// Opens or starts the folder for a plan.
  /// - Throws: ``ScanError/otherRun(folder:difference:)`` when another plan is there and `force` is off.
  init(path: String, manifest: [UInt8], force: Bool) throws {
    self.path = path
    manifestChecksum = Checksum.hex(manifest)
    let manager = FileManager.default
    do {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ScanError.badInput("--output \(path): cannot make the folder: \(Self.reason(error))")
    }
    Self.removeLeftovers(in: [path, shardFolder])
    let manifestPath = file("manifest.json")
    if let there = try? Data(contentsOf: URL(fileURLWithPath: manifestPath)) {
      if !force, let difference = Manifest.firstDifference([UInt8](there), manifest) {
        throw ScanError.otherRun(folder: path, difference: difference)
      }
      if force { try clear() }
    } else if !force, let stranger = try? manager.contentsOfDirectory(atPath: path).first(where: { !$0.hasPrefix(".") })
    {
      throw ScanError.usage(
        "--output \(path): the folder holds other files (\(stranger)) and no manifest.json; choose an empty or new "
          + "folder, or add to it with --force")
    }
    try manager.createDirectory(atPath: shardFolder, withIntermediateDirectories: true)
    if !manager.fileExists(atPath: manifestPath) {
      var written = try AtomicFile(path: manifestPath)
      try written.write(manifest)
      try written.commit()
    }
  }

  /// Takes away what an earlier run left: its plan first, so that nothing half-removed looks like a run.
  private func clear() throws {
    let manager = FileManager.default
    for name in ["manifest.json", "run.json"] { try? manager.removeItem(atPath: file(name)) }
    try? manager.removeItem(atPath: shardFolder)
    for name in (try? manager.contentsOfDirectory(atPath: path)) ?? [] where Self.isOurs(name) {
      try manager.removeItem(atPath: file(name))
    }
  }

  private static func isOurs(_ name: String) -> Bool {
    Method.allCases.contains { name.hasPrefix("\($0.rawValue).") }
      && [".bw", ".bedGraph.gz", ".bedGraph.gz.tbi", ".bedGraph.gz.csi", ".npz"].contains { name.hasSuffix($0) }
      || name.hasPrefix("calls.") || name.hasPrefix("sites.") || name == "chrom.sizes" || name == "igv_session.xml"
      || name == "run.log.jsonl"
  }

  /// Takes away temporary files that processes of this program left when they were killed.
  private static func removeLeftovers(in folders: [String]) {
    for folder in folders {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
        guard let process = AtomicFile.process(ofTemporary: name), kill(process, 0) != 0, errno == ESRCH else {
          continue
        }
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }

  /// The record of this plan; `nil` while the run is not complete, because it is written last.
  private var record: RunRecord? {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: file("run.json"))),
      let record = try? JSONDecoder().decode(RunRecord.self, from: data), record.manifest == manifestChecksum
    else { return nil }
    return record
  }

  /// True when the run is complete and every file that it wrote is there in its size.
  var isComplete: Bool { record != nil && damagedFiles.isEmpty }

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

  func removeRecord() throws { try FileManager.default.removeItem(atPath: file("run.json")) }

  /// Whether any piece of the scores is left.
  var hasShards: Bool {
    ((try? FileManager.default.contentsOfDirectory(atPath: shardFolder)) ?? []).contains { $0.hasSuffix(".shard") }
  }

  /// A shard's scores, or `nil` when they have to be made (again).
  func shard(_ number: Int, manifest: String) -> ShardResult? {
    ShardFile.read(shardPath(number), shard: number, manifest: manifest)
  }

  func removeShards() throws { try FileManager.default.removeItem(atPath: shardFolder) }

  static func reason(_ error: any Error) -> String { (error as NSError).localizedDescription }
}
