/// Where the blocks of a bgzip file start: the contents of its `.gzi`.
///
/// htslib's own lookup (`bgzf_useek`) aborts the process when a `.gzi` does not fit its file, hence this table.
struct BlockIndex {
  /// Bytes before each block in the uncompressed data, ascending; the first block starts at 0.
  private var plainOffsets: [Int] = [0]
  /// Bytes before each block in the file.
  private var fileOffsets: [Int] = [0]

  /// Reads a `.gzi`: a count and that many pairs of file and data offsets, little-endian 64-bit, block 0 left out.
  init(path: String) throws(HTSError) {
    let file = try BlockReader(path: path)
    let bytes = try file.readAll()
    func word(_ index: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[index * 8 + $1]) << (8 * UInt64($1)) }
    }
    guard bytes.count >= 8, bytes.count % 16 == 8, word(0) == UInt64(bytes.count / 16) else {
      throw .badBlockIndex(path: path)
    }
    for block in 0..<bytes.count / 16 {
      guard let fileOffset = Int(exactly: word(1 + 2 * block)), let plainOffset = Int(exactly: word(2 + 2 * block)),
        fileOffset > fileOffsets.last!, plainOffset > plainOffsets.last!, fileOffset < 1 << 47
      else { throw .badBlockIndex(path: path) }
      fileOffsets.append(fileOffset)
      plainOffsets.append(plainOffset)
    }
  }

  /// The block that holds byte `offset` of the uncompressed data: where it starts in the file and in the data.
  func block(holding offset: Int) -> (file: Int, plain: Int) {
    var low = 0
    var high = plainOffsets.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if plainOffsets[middle] <= offset { low = middle } else { high = middle }
    }
    return (fileOffsets[low], plainOffsets[low])
  }
}
