public import Genomics

/// Writes sorted BED rows as a bigBed, all or nothing: every contig is listed, and zoom levels hold the depth of coverage.
///
/// Memory is a few megabytes and the rows that lie over one base. The bytes do not depend on the number of workers.
public struct BigBedWriter: ~Copyable {
  /// Rows a block at most, and the plain bytes that end one.
  private static let capacity = (rows: 512, bytes: 1 << 16)

  private let path: String
  private let contigs: [Contig]
  private let numbers: [String: Int]
  private let schema: BEDSchema
  private var file: BBIFile?
  private var depth = CoverageDepth()
  private var last = (contig: 0, start: 0, end: 0)
  /// The block being filled.
  private var rows = LittleEndianBytes()
  private var rowCount = 0
  private var blockStart = 0
  private var blockEnd = 0

  /// - Parameters:
  ///   - contigs: in ``Genomics/Contig/trackOrder(_:_:)``, each shorter than 2^32.
  ///   - workers: cores that compress.
  public init(path: String, contigs: [Contig], schema: BEDSchema, workers: Int = 1) throws(TrackError) {
    // Checks order and lengths of the contigs.
    let cursor = try TrackCursor(path: path, contigs: contigs, limit: 1 << 32)
    let format = BBIFile.Format.bigBed(
      columns: schema.count, standard: schema.standardColumns, autoSql: schema.autoSql)
    let file = try BBIFile(path: path, format: format, contigs: contigs, workers: workers)
    self.path = path
    self.contigs = cursor.contigs
    self.schema = schema
    numbers = Dictionary(uniqueKeysWithValues: contigs.enumerated().map { ($1.name, $0) })
    self.file = consume file
  }

  /// Adds a row of one base or more; rows arrive by contig, start and end. After an error the file is discarded.
  ///
  /// `extra` holds the standard columns from the seventh on, then the schema's.
  public mutating func append(_ record: BEDRecord) throws(TrackError) {
    guard file != nil else { throw .discarded(path: path) }
    let (contig, start, end) = place(of: record)
    do throws(TrackError) {
      if contig != last.contig { try endContig() }
      if rowCount == Self.capacity.rows || rows.bytes.count >= Self.capacity.bytes { try flush() }
      try summarise(depth.add(start: start, end: end), contig)
    } catch {
      file = nil
      throw error
    }
    last = (contig, start, end)
    if rowCount == 0 { (blockStart, blockEnd) = (start, end) }
    blockEnd = max(blockEnd, end)
    rowCount += 1
    for number in [contig, start, end] { rows.append(UInt32(number)) }
    rows.append(record.columns(min(6, schema.standardColumns)).dropFirst(3).joined(separator: "\t"))
    rows.append(UInt8(0))
  }

  /// Completes the file and gives it its name.
  public consuming func finish() throws(TrackError) {
    guard file != nil else { throw .discarded(path: path) }
    try endContig()
    try file.take()!.finish()
  }

  private func place(of record: BEDRecord) -> (contig: Int, start: Int, end: Int) {
    guard let contig = numbers[record.interval.contig] else {
      preconditionFailure("no contig \(record.interval.contig)")
    }
    let place = (contig: contig, start: record.interval.start, end: record.interval.end)
    precondition(last <= place, "\(record.interval) is out of order")
    precondition(
      place.start < place.end && place.end <= contigs[contig].length, "\(record.interval) is empty or past its contig")
    precondition(record.extra.count == schema.count - min(6, schema.standardColumns), "a row does not have the columns")
    return place
  }

  private mutating func endContig() throws(TrackError) {
    try flush()
    try summarise(depth.finish(), last.contig)
  }

  private mutating func summarise(_ runs: [CoverageDepth.Run], _ contig: Int) throws(TrackError) {
    for run in runs {
      try file!.summarise(contig: contig, start: run.start, end: run.end, value: Double(run.depth))
    }
  }

  private mutating func flush() throws(TrackError) {
    guard rowCount > 0 else { return }
    try file!.add(
      IndexedBlock(contig: last.contig, start: blockStart, end: blockEnd, items: rowCount, bytes: rows.bytes))
    rows = LittleEndianBytes()
    rowCount = 0
  }
}
