public import Genomics
import Glibc

/// Writes one track as a bigWig: every contig is listed, with values or without, and there are up to ten zoom levels.
///
/// Values go into sections of at most 1,024 items, each in the smallest of bigWig's three layouts; -0 is written as 0.
/// Memory grows with the track, by about 14 bytes a base that has a value (libBigWig keeps the zoom levels until the end). A
/// track without any value is a valid file.
public struct BigWigWriter: ~Copyable, TrackWriter {
  private let path: String
  private var target: AtomicFile
  private var output: BigWigOutput?
  private var cursor: TrackCursor
  /// The section being filled.
  private var section = BigWigSection()
  private var isEmpty = true

  /// - Parameter contigs: in ``Genomics/Contig/trackOrder(_:_:)``, each shorter than 2^32.
  public init(path: String, contigs: [Contig]) throws(TrackError) {
    let cursor = try TrackCursor(path: path, contigs: contigs, limit: 1 << 32)
    let target = try AtomicFile(path: path)
    let output = try BigWigOutput(temporaryPath: target.temporaryPath, path: path, contigs: contigs)
    self.path = path
    self.cursor = cursor
    self.target = target
    self.output = consume output
  }

  public mutating func append(contig: Int, start: Int, values: Span<Float>) throws(TrackError) {
    guard output != nil else { throw .discarded(path: path) }
    do throws(TrackError) {
      try cursor.advance(contig: contig, start: start, values: values)
      for index in values.indices where !values[index].isNaN {
        let position = UInt32(start + index)
        if section.mustEnd(before: position, contig: contig) { try flush() }
        // Adding 0 turns -0 into 0.
        section.add(contig: contig, position: position, value: values[index] + 0)
      }
    } catch {
      output = nil
      throw error
    }
  }

  public consuming func finish() throws(TrackError) {
    guard output != nil else { throw .discarded(path: path) }
    try flush()
    try output.take()!.finish()
    if isEmpty { try EmptyBigWig.complete(&target) }
    try target.commit()
  }

  private mutating func flush() throws(TrackError) {
    isEmpty = isEmpty && section.isEmpty
    try output?.write(section)
    section.removeAll()
  }
}
