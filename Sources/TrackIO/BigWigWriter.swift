public import Genomics

/// Writes one track as a bigWig: every contig is listed, with values or without, and there are up to ten zoom levels.
///
/// Values go into sections of at most 1,024 items, each in the smallest of bigWig's three layouts; -0 is written as 0.
/// Memory is a few megabytes, whatever the track's length; zoom levels wait in a temporary file beside the track, about a
/// third of its size, until it is complete. The bytes do not depend on the number of workers. A track without any value is a
/// valid file.
public struct BigWigWriter: ~Copyable, TrackWriter {
  private let path: String
  private var file: BBIFile?
  private var cursor: TrackCursor
  /// The section being filled.
  private var section = BigWigSection()

  /// - Parameters:
  ///   - contigs: in ``Genomics/Contig/trackOrder(_:_:)``, each shorter than 2^32.
  ///   - workers: cores that compress.
  public init(path: String, contigs: [Contig], workers: Int = 1) throws(TrackError) {
    let cursor = try TrackCursor(path: path, contigs: contigs, limit: 1 << 32)
    let file = try BBIFile(path: path, format: .bigWig, contigs: contigs, workers: workers)
    self.path = path
    self.cursor = cursor
    self.file = consume file
  }

  public mutating func append(contig: Int, start: Int, values: Span<Float>) throws(TrackError) {
    guard file != nil else { throw .discarded(path: path) }
    do throws(TrackError) {
      try cursor.advance(contig: contig, start: start, values: values)
      for index in values.indices where !values[index].isNaN {
        let position = UInt32(start + index)
        // Adding 0 turns -0 into 0.
        let value = values[index] + 0
        if !section.takes(contig: contig, position: position, value: value) { try flush() }
        section.add(contig: contig, position: position, value: value)
      }
    } catch {
      file = nil
      throw error
    }
  }

  public consuming func finish() throws(TrackError) {
    guard file != nil else { throw .discarded(path: path) }
    try flush()
    try file.take()!.finish()
  }

  /// Hands the section over. Zoom levels see it as a whole, so that they do not depend on how the values were cut.
  private mutating func flush() throws(TrackError) {
    guard !section.isEmpty else { return }
    try file!.add(section.block)
    for run in section.starts.indices {
      try file!.summarise(
        contig: section.contig, start: Int(section.starts[run]), end: Int(section.ends[run]),
        value: Double(section.values[run]))
    }
    section.removeAll()
  }
}
