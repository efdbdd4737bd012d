public import Genomics

/// Writes a sorted BED file as plain text, all or nothing: called sites, covered bases.
public struct BEDWriter: ~Copyable {
  private var file: AtomicFile
  private let ranks: [String: Int]
  private let columns: Int
  private var last = (rank: 0, start: 0, end: 0)

  /// - Parameters:
  ///   - contigs: in ``Genomics/Contig/trackOrder(_:_:)``.
  ///   - columns: 3 to 6, how many of the standard columns to write; `extra` columns follow all six.
  public init(path: String, contigs: [Contig], columns: Int = 6) throws(TrackError) {
    precondition(3...6 ~= columns, "BED3 to BED6")
    ranks = Dictionary(uniqueKeysWithValues: contigs.enumerated().map { ($1.name, $0) })
    self.columns = columns
    file = try AtomicFile(path: path)
  }

  /// Adds a line; lines arrive by contig, start and end.
  public mutating func append(_ record: BEDRecord) throws(TrackError) {
    guard let rank = ranks[record.interval.contig] else { preconditionFailure("no contig \(record.interval.contig)") }
    let place = (rank: rank, start: record.interval.start, end: record.interval.end)
    precondition(last <= place, "\(record.interval) is out of order")
    last = place
    try file.write(record.columns(columns).joined(separator: "\t") + "\n")
  }

  /// Completes the file and gives it its name.
  public consuming func finish() throws(TrackError) { try file.commit() }
}
