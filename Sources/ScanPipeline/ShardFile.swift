import Attribution
import Foundation
import TrackIO

/// Scores of one shard, in plus-strand coordinates, stretch after stretch.
struct ShardResult: Sendable, Equatable {
  /// Counts over the bases of the shard.
  struct Counts: Codable, Sendable, Equatable {
    /// Bases with a score.
    var scored = 0
    /// Bases that are not A, C, G or T.
    var unknown = 0
    /// Zero columns that stood for bases beyond a contig's end.
    var padded = 0
    /// Windows run; tiles are not counted, for they are no part of the result.
    var passes = 0
  }

  var counts = Counts()
  /// Scores that were computed again by independent ways, under `--verify`.
  var checks = CheckTally()
  /// Plus-strand base code of every base.
  var codes: [UInt8] = []
  /// Values by section: one a base (predictions, new sites), or three (alternates in A C G T order, plus-strand bases).
  /// NaN is a base without a value.
  var sections: [String: [Float]] = [:]
}

/// The file of a shard: `TISMSHD1`, header length, a JSON header, base codes, float32 sections in order of their names, and a
/// checksum over everything before it. Little-endian. Renamed into place when complete.
enum ShardFile {
  private static let magic = Array("TISMSHD1".utf8)

  private struct Header: Codable {
    struct Section: Codable {
      let name: String
      let count: Int
    }
    /// Checksum of the manifest that the shard belongs to.
    let manifest: String
    let shard: Int
    let counts: ShardResult.Counts
    let checks: CheckTally
    let bases: Int
    let sections: [Section]
  }

  static func write(_ result: ShardResult, shard: Int, manifest: String, to path: String) throws {
    let names = result.sections.keys.sorted()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let header = try encoder.encode(
      Header(
        manifest: manifest, shard: shard, counts: result.counts, checks: result.checks,
        bases: result.codes.count,
        sections: names.map { Header.Section(name: $0, count: result.sections[$0]!.count) }))
    var bytes = magic
    bytes += littleEndian(UInt64(header.count))
    bytes += header
    bytes += result.codes
    for name in names { result.sections[name]!.withUnsafeBytes { bytes += $0 } }
    bytes += littleEndian(Checksum.of(bytes))
    var file = try AtomicFile(path: path)
    try file.write(bytes)
    try file.commit()
  }

  /// The shard's scores, or `nil` when the file is missing, damaged or of another run: it is then scanned again.
  static func read(_ path: String, shard: Int, manifest: String) -> ShardResult? {
    guard let bytes = try? [UInt8](Data(contentsOf: URL(fileURLWithPath: path))), bytes.count >= 24,
      Array(bytes.prefix(8)) == magic, Checksum.of(bytes.dropLast(8)) == integer(bytes.suffix(8))
    else { return nil }
    let start = 16 + Int(integer(bytes[8..<16]))
    guard start <= bytes.count - 8, let header = try? JSONDecoder().decode(Header.self, from: Data(bytes[16..<start])),
      header.shard == shard, header.manifest == manifest,
      start + header.bases + header.sections.map({ 4 * $0.count }).reduce(0, +) == bytes.count - 8
    else { return nil }

    var result = ShardResult(
      counts: header.counts, checks: header.checks, codes: Array(bytes[start..<start + header.bases]))
    var next = start + header.bases
    for section in header.sections {
      result.sections[section.name] = [Float](unsafeUninitializedCapacity: section.count) { floats, count in
        UnsafeMutableRawBufferPointer(floats).copyBytes(from: bytes[next..<next + 4 * section.count])
        count = section.count
      }
      next += 4 * section.count
    }
    return result
  }

  private static func littleEndian(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
  }
}
