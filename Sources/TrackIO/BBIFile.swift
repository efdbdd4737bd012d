import Genomics

/// The container of bigWig and bigBed ("big binary indexed", version 4), written as a stream in bounded memory.
///
/// Order in the file: header, zoom headers, autoSql text, total summary, tree of contigs, data, index, then each zoom level with
/// its index. Blocks of data go to the file as they come. Blocks of zoom levels wait in a second file beside it, which is
/// removed in any case. The bytes depend on what is added alone, not on the number of workers.
struct BBIFile: ~Copyable {
  /// What tells the two formats apart.
  enum Format {
    case bigWig
    /// BED rows of so many columns, the first of them standard ones, described by an autoSql text.
    case bigBed(columns: Int, standard: Int, autoSql: String)
  }

  /// Blocks compressed at a time. A constant: what a zoom level is compared with must not depend on the workers.
  private static let batch = 256
  private static let headerSize = 64
  private static let zoomHeaderSize = 24

  private let format: Format
  private let places: (summary: Int, contigs: Int, data: Int)
  private let compressor: BlockCompressor
  private var file: AtomicFile
  /// Never gets its name.
  private var spool: AtomicFile
  private var zooms = ZoomLevels()
  /// Blocks that wait for the compressor; `nil` is data, not a zoom level.
  private var queue: [(level: Int?, block: IndexedBlock)] = []
  private var data = StoredLevel()
  private var levels = [StoredLevel](repeating: StoredLevel(), count: ZoomLevels.reductions.count)
  /// Plain bytes of the largest block in the file.
  private var largestBlock = 0

  /// What was stored of the data or a zoom level.
  private struct StoredLevel {
    var index = BlockIndex()
    var items = 0
    /// Plain bytes of the largest block.
    var largestBlock = 0
    /// A zoom level that turned out far larger than the data.
    var isAbandoned = false

    /// Counts a block that was written at `offset`.
    mutating func count(
      _ block: IndexedBlock, size: Int, offset: Int, _ spool: inout AtomicFile
    ) throws(TrackError) {
      let range = BlockRange(contig: block.contig, start: block.start, end: block.end)
      try index.append(range, size: size, offset: offset, spool: &spool)
      items += block.items
      largestBlock = max(largestBlock, block.bytes.count)
    }

    /// Writes a block to the spool.
    mutating func add(_ block: IndexedBlock, _ stream: [UInt8], to spool: inout AtomicFile) throws(TrackError) {
      let offset = spool.size
      try spool.write(stream)
      try count(block, size: stream.count, offset: offset, &spool)
    }
  }

  /// - Parameters:
  ///   - contigs: in ``Genomics/Contig/trackOrder(_:_:)``, each shorter than 2^32.
  ///   - workers: cores that compress.
  init(path: String, format: Format, contigs: [Contig], workers: Int) throws(TrackError) {
    var places = (summary: 0, contigs: 0, data: 0)
    let file = try Self.begin(path: path, format: format, contigs: contigs, &places)
    let spool = try AtomicFile(path: path)
    self.places = places
    self.file = file
    self.spool = spool
    self.format = format
    compressor = BlockCompressor(workers: workers)
  }

  /// Writes all that comes before the data, with room for what is known in the end.
  private static func begin(
    path: String, format: Format, contigs: [Contig], _ places: inout (summary: Int, contigs: Int, data: Int)
  ) throws(TrackError) -> AtomicFile {
    var file = try AtomicFile(path: path)
    try file.write([UInt8](repeating: 0, count: headerSize + zoomHeaderSize * ZoomLevels.reductions.count))
    if case .bigBed(_, _, let autoSql) = format { try file.write(autoSql + "\0") }
    places.summary = file.size
    try file.write(TrackSummary().bytes)
    places.contigs = file.size
    try file.write(ContigTree.bytes(contigs, at: places.contigs))
    places.data = file.size
    try file.write([UInt8](repeating: 0, count: 8))  // the number of items
    return file
  }

  /// Adds a block of data; blocks arrive in order.
  mutating func add(_ block: IndexedBlock) throws(TrackError) { try enqueue(nil, block) }

  /// Adds bases of one value to the zoom levels and the total summary; they arrive in order.
  mutating func summarise(contig: Int, start: Int, end: Int, value: Double) throws(TrackError) {
    zooms.add(contig: contig, start: start, end: end, value: value)
    if !zooms.full.isEmpty { try takeZooms() }
  }

  /// Completes the file and gives it its name.
  consuming func finish() throws(TrackError) {
    zooms.finish()
    try takeZooms()
    try compressQueue()
    largestBlock = data.largestBlock
    let dataIndex = file.size
    try data.index.write(blocksAt: places.data + 8, to: &file, spool: &spool)
    let zoomHeaders = try writeZooms()
    try file.write(little(magic))

    try file.overwrite(header(dataIndex: dataIndex, zoomHeaders.count / Self.zoomHeaderSize) + zoomHeaders, at: 0)
    try file.overwrite(zooms.total.bytes, at: places.summary)
    try file.overwrite(little(UInt64(data.items)), at: places.data)
    try file.commit()
  }

  private mutating func takeZooms() throws(TrackError) {
    for records in zooms.full where !levels[records.level].isAbandoned {
      try enqueue(records.level, records.block)
    }
    zooms.full.removeAll(keepingCapacity: true)
  }

  private mutating func enqueue(_ level: Int?, _ block: IndexedBlock) throws(TrackError) {
    queue.append((level, block))
    if queue.count == Self.batch { try compressQueue() }
  }

  private mutating func compressQueue() throws(TrackError) {
    let streams = compressor.compress(queue.map(\.block.bytes))
    for ((level, block), stream) in zip(queue, streams) {
      if let level {
        try levels[level].add(block, stream, to: &spool)
      } else {
        let offset = file.size
        try file.write(stream)
        try data.count(block, size: stream.count, offset: offset, &spool)
      }
    }
    queue.removeAll(keepingCapacity: true)
    for level in levels.indices where levels[level].index.size > max(1 << 24, 2 * data.index.size) {
      levels[level] = StoredLevel(isAbandoned: true)
    }
  }

  /// Writes the zoom levels that are worth their room: half the data at most, and half the records of the level before.
  /// - Returns: their headers.
  private mutating func writeZooms() throws(TrackError) -> [UInt8] {
    var headers = LittleEndianBytes()
    var records = Int.max
    for (level, reduction) in zip(levels, ZoomLevels.reductions)
    where level.items > 0 && level.index.size <= data.index.size / 2 && level.items <= records / 2 {
      records = level.items
      largestBlock = max(largestBlock, level.largestBlock)
      headers.append(UInt32(reduction))
      headers.append(UInt32(0))
      headers.append(UInt64(file.size))
      try file.write(little(UInt32(truncatingIfNeeded: level.items)))
      let blocks = file.size
      try level.index.copyBlocks(from: &spool, to: &file)
      headers.append(UInt64(file.size))
      try level.index.write(blocksAt: blocks, to: &file, spool: &spool)
    }
    return headers.bytes
  }

  private var magic: UInt32 {
    switch format {
    case .bigWig: 0x888F_FC26
    case .bigBed: 0x8789_F2EB
    }
  }

  private func header(dataIndex: Int, _ zoomLevels: Int) -> [UInt8] {
    var columns = (all: 0, standard: 0)
    if case .bigBed(let all, let standard, _) = format { columns = (all, standard) }
    var bytes = LittleEndianBytes()
    bytes.append(magic)
    bytes.append(UInt16(4))  // version
    bytes.append(UInt16(zoomLevels))
    bytes.append(UInt64(places.contigs))
    bytes.append(UInt64(places.data))
    bytes.append(UInt64(dataIndex))
    bytes.append(UInt16(columns.all))
    bytes.append(UInt16(columns.standard))
    let text = Self.headerSize + Self.zoomHeaderSize * ZoomLevels.reductions.count
    bytes.append(UInt64(columns.all > 0 ? text : 0))
    bytes.append(UInt64(places.summary))
    bytes.append(UInt32(largestBlock))
    bytes.append(UInt64(0))  // no extension
    return bytes.bytes
  }

  private func little(_ number: some FixedWidthInteger) -> [UInt8] {
    var bytes = LittleEndianBytes()
    bytes.append(number)
    return bytes.bytes
  }
}
