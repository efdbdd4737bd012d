/// Completes a bigWig without any value.
///
/// libBigWig writes no index then, which it accepts itself but other readers do not, and a nonsensical range of values.
enum EmptyBigWig {
  /// Where the header says where the index is, in bytes.
  private static let indexField = 24
  /// The smallest and the largest value in libBigWig's total summary, which follows 64 bytes of header and ten zoom headers.
  private static let rangeField = 64 + 10 * 24 + 8

  /// Adds an index with no entries to the closed file, before the magic number that ends it.
  static func complete(_ file: inout AtomicFile) throws(TrackError) {
    let end = try file.sizeOnDisk() - 4
    var index = LittleEndianBytes()
    index.append(UInt32(0x2468_ACE0))
    index.append(UInt32(256))  // children a node
    index.append(UInt64(0))  // entries
    for _ in 0..<4 { index.append(UInt32(0)) }  // first and last base
    index.append(UInt64(end))  // end of the data
    index.append(UInt32(1024))  // items a section
    index.append(UInt32(0))
    index.append(UInt32(1))  // the root: a leaf of 0 entries
    index.append(UInt32(0x888F_FC26))
    var offset = LittleEndianBytes()
    offset.append(UInt64(end))
    try file.overwrite(index.bytes, at: end)
    try file.overwrite(offset.bytes, at: indexField)
    try file.overwrite([UInt8](repeating: 0, count: 16), at: rangeField)
  }
}
