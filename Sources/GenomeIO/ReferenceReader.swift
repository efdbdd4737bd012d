public import Genomics
import Glibc
internal import HTS

/// Random access to the bases of an indexed FASTA, plain or bgzipped.
///
/// A reader owns one open file and its position, so it is noncopyable and not `Sendable`: open one per task that reads. It
/// never builds an index: the jobs of one run would race to write it. An index that was made for another version of the
/// FASTA is an error, at the latest when the contig in question is read.
public struct ReferenceReader: ~Copyable {
  /// Path of the FASTA, for messages.
  public let path: String
  /// The contigs in the order of the file.
  public let contigs: [Contig]
  private let index: FastaIndex
  private let file: FastaFile

  /// Opens an indexed FASTA: `path`, `path.fai` and, when it is bgzipped, `path.gzi`.
  public init(path: String) throws(ReferenceError) {
    guard access(path, F_OK) == 0 else { throw .missingFasta(path: path) }
    var reader = try Self.open(path)
    if reader.compression == .gzip { throw .notBgzip(path: path) }
    guard access(path + ".fai", F_OK) == 0 else { throw .missingIndex(path: path) }
    if reader.compression == .bgzip {
      guard access(path + ".gzi", F_OK) == 0 else { throw .missingBlockIndex(path: path) }
      do {
        try reader.loadBlockIndex(path: path + ".gzi")
      } catch {
        throw .unreadable(path: path, reason: String(describing: error))
      }
    }
    let index = try FastaIndex(fasta: path)
    let file = FastaFile(path: path, index: index, reader: reader)
    try file.checkSample()
    self.path = path
    self.index = index
    self.file = file
    contigs = index.records.map(\.contig)
  }

  /// The contig of that name, or `nil` when the FASTA has none.
  public func contig(named name: String) -> Contig? { index.numbers[name].map { contigs[$0] } }

  /// The bases of `interval` as stored, soft-masking included: `interval.length` ASCII bytes.
  public func bases(in interval: Interval) throws(ReferenceError) -> [UInt8] {
    guard let number = index.numbers[interval.contig] else {
      let suggestion = ContigNames.suggestion(for: interval.contig) { index.numbers[$0] != nil }
      throw .unknownContig(name: interval.contig, path: path, suggestion: suggestion)
    }
    guard interval.end <= contigs[number].length else {
      throw .outOfRange(interval, contigLength: contigs[number].length, path: path)
    }
    return try file.bases(of: number, interval.range)
  }

  /// The codes of `interval`: 0, 1, 2, 3 for A, C, G, T (or U) of either case and ``Base/unknown`` for anything else.
  public func codes(in interval: Interval) throws(ReferenceError) -> [UInt8] {
    Base.encode(try bases(in: interval))
  }

  /// The MD5 of a contig as in the M5 tag of SAM: of its letters in upper case, as 32 hexadecimal digits.
  public func md5(of contig: Contig) throws(ReferenceError) -> String {
    var digest = MD5()
    for start in stride(from: 0, to: contig.length, by: 1 << 20) {
      let block = Interval(contig: contig.name, start: start, end: min(start + 1 << 20, contig.length))
      let upper = try bases(in: block).map { 97...122 ~= $0 ? $0 - 32 : $0 }
      upper.withUnsafeBytes { digest.update($0) }
    }
    return digest.finish()
  }

  private static func open(_ path: String) throws(ReferenceError) -> BlockReader {
    do {
      return try BlockReader(path: path)
    } catch .cannotOpen(_, let reason) {
      throw .unreadable(path: path, reason: reason)
    } catch {
      throw .unreadable(path: path, reason: String(describing: error))
    }
  }
}
