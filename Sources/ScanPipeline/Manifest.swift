import Foundation
public import Genomics
import TrackIO

/// The plan of a run: everything its values depend on, and how the work is cut. Written once, never rewritten.
public struct Manifest: Codable, Sendable, Equatable {
  /// A contig of the genome, in track order.
  public struct ContigRecord: Codable, Sendable, Equatable {
    public let name: String
    public let length: Int
    /// MD5 of its letters in upper case (the M5 of SAM).
    public let md5: String
  }

  /// A file and what was in it.
  public struct FileRecord: Codable, Sendable, Equatable {
    public let name: String
    public let md5: String
  }

  /// A stretch of plus-strand bases on contig `contig` (an index).
  public struct Stretch: Codable, Sendable, Equatable {
    public let contig: Int
    public let start: Int
    public let end: Int

    public var range: Range<Int> { start..<end }
  }

  /// A piece of the work: every scored base of a strand is in exactly one.
  public struct Shard: Codable, Sendable, Equatable {
    public let number: Int
    public let strand: Strand
    public let stretches: [Stretch]

    public var baseCount: Int { stretches.reduce(0) { $0 + $1.end - $1.start } }
  }

  /// Layout of this file and of the shard files.
  public var format = 1
  public let version: String
  public let model: [FileRecord]
  public let genome: [ContigRecord]
  /// Files whose regions decide values or which bases are scored.
  public let regionFiles: [FileRecord]
  public let regions: [String]
  public let settings: ScanSettings
  public let shards: [Shard]

  public var contigs: [Contig] { genome.map { Contig(name: $0.name, length: $0.length) } }

  /// The manifest as it lies in the run folder: sorted keys, so that equal plans are equal bytes.
  public func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(self)) + [10]
  }

  /// The first place where two manifests differ, as `path: this, that`, or `nil` when they are equal.
  static func firstDifference(_ left: [UInt8], _ right: [UInt8]) -> String? {
    guard left != right else { return nil }
    let options: JSONSerialization.ReadingOptions = [.fragmentsAllowed]
    guard let a = try? JSONSerialization.jsonObject(with: Data(left), options: options),
      let b = try? JSONSerialization.jsonObject(with: Data(right), options: options)
    else { return "the manifest there cannot be read" }
    return difference(a, b, at: "") ?? "layout"
  }

  private static func difference(_ a: Any, _ b: Any, at path: String) -> String? {
    func text(_ value: Any?) -> String {
      guard let value else { return "none" }
      let data = try? JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
      let text = data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
      return text.count > 60 ? text.prefix(57) + "..." : text
    }
    if let a = a as? [String: Any], let b = b as? [String: Any] {
      // What people change comes before what follows from it.
      let order = ["version", "model", "genome", "regionFiles", "regions", "settings", "shards"]
      let keys = Set(a.keys).union(b.keys).sorted {
        (order.firstIndex(of: $0) ?? order.count, $0) < (order.firstIndex(of: $1) ?? order.count, $1)
      }
      for key in keys {
        let inner = path.isEmpty ? key : "\(path).\(key)"
        guard let left = a[key], let right = b[key] else {
          return "\(inner): \(text(a[key])) there, \(text(b[key])) here"
        }
        if let found = difference(left, right, at: inner) { return found }
      }
      return nil
    }
    if let a = a as? [Any], let b = b as? [Any], a.count == b.count {
      for (index, pair) in zip(a, b).enumerated() {
        if let found = difference(pair.0, pair.1, at: "\(path)[\(index)]") { return found }
      }
      return nil
    }
    return text(a) == text(b) ? nil : "\(path): \(text(a)) there, \(text(b)) here"
  }
}
