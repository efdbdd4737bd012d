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

  /// The bases to score, whatever files and strings said so.
  public struct Scored: Codable, Sendable, Equatable {
    /// Of one strand.
    public let bases: Int
    /// Of their intervals in track order.
    public let checksum: String
  }

  /// A piece of the work: every scored base is in exactly one, with every strand that is scored.
  public struct Shard: Codable, Sendable, Equatable {
    /// Counted from 1, as the tasks of a job array are.
    public let number: Int
    public let stretches: [Stretch]
    /// Predicted from shapes, over all strands.
    public let multiplyAdds: Int

    /// Of one strand.
    public var baseCount: Int { stretches.reduce(0) { $0 + $1.range.count } }
  }

  /// Layout of this file and of the shard files.
  public static let format = 2

  public var format = Manifest.format
  public let version: String
  public let model: [FileRecord]
  public let genome: [ContigRecord]
  /// Files whose regions decide values or which bases are scored.
  public let regionFiles: [FileRecord]
  public let regions: [String]
  public let scored: Scored
  public let settings: ScanSettings
  /// Bases that one task scores at a time, about; never changes a value.
  public var unitBases: Int
  /// In genome order. How the work is cut never changes a value.
  public var shards: [Shard]

  public var contigs: [Contig] { genome.map { Contig(name: $0.name, length: $0.length) } }

  /// Strand bases of the whole run.
  public var strandBases: Int { scored.bases * settings.scannedStrands.count }

  /// Strand bases of a shard.
  func strandBases(of shard: Shard) -> Int { shard.baseCount * settings.scannedStrands.count }

  /// The manifest as it lies in the run folder: sorted keys, so that equal plans are equal bytes.
  public func encoded() throws -> [UInt8] { try Self.encode(self) }

  static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(value)) + [10]
  }
}
