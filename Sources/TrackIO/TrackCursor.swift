import Genomics

/// Checks that the calls of a track's writer keep their order, and its values their range.
struct TrackCursor {
  let path: String
  let contigs: [Contig]
  private var contig = 0
  private var position = 0

  /// - Parameter limit: one more than the longest contig the format can hold.
  init(path: String, contigs: [Contig], limit: Int) throws(TrackError) {
    precondition(
      zip(contigs, contigs.dropFirst()).allSatisfy { Contig.trackOrder($0, $1) }, "contigs are not in track order")
    if let long = contigs.first(where: { $0.length >= limit }) {
      throw .contigTooLong(path: path, contig: long.name, limit: limit)
    }
    self.path = path
    self.contigs = contigs
  }

  /// Accepts the values of one call or says what is wrong with them.
  mutating func advance(contig: Int, start: Int, values: Span<Float>) throws(TrackError) {
    precondition(contigs.indices.contains(contig), "no contig \(contig)")
    precondition(
      contig > self.contig || contig == self.contig && start >= position, "values out of order at \(contig):\(start)")
    precondition(start >= 0 && values.count <= contigs[contig].length - start, "values past the end of a contig")
    for index in values.indices where values[index].isInfinite {
      throw .infinite(path: path, contig: contigs[contig].name, position: start + index)
    }
    self.contig = contig
    position = start + values.count
  }
}
