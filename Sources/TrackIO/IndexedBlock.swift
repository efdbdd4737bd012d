/// A stretch of the genome, ends compared as (contig, base): contigs by index, bases 0-based and half-open.
struct BlockRange {
  var startContig: UInt32
  var start: UInt32
  var endContig: UInt32
  var end: UInt32

  init(contig: Int, start: Int, end: Int) {
    (startContig, self.start, endContig, self.end) = (UInt32(contig), UInt32(start), UInt32(contig), UInt32(end))
  }

  /// Grows to cover a range that starts no earlier.
  mutating func cover(_ later: BlockRange) {
    if (endContig, end) < (later.endContig, later.end) { (endContig, end) = (later.endContig, later.end) }
  }

  /// As an R-tree has it.
  var words: [UInt32] { [startContig, start, endContig, end] }
}

/// Plain bytes of one contig that will be one compressed block of a bigWig or bigBed.
struct IndexedBlock {
  let contig: Int
  /// The bases that the block's items lie in, 0-based and half-open.
  let start: Int
  let end: Int
  /// Number of items, as the file's head counts them.
  let items: Int
  let bytes: [UInt8]
}

extension [UInt8] {
  /// The bytes of words, little-endian.
  init(_ words: [UInt32]) {
    self = words.map(\.littleEndian).withUnsafeBytes { Array($0) }
  }
}
