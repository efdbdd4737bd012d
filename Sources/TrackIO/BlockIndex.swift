/// Where the compressed blocks of one level are and what they cover: becomes an R-tree.
///
/// A node of the tree has up to 256 children. The entries of a full leaf wait in a spool, so that only a leaf's range and place
/// stay in memory: about 24 bytes for each 256 blocks.
struct BlockIndex {
  private struct Entry {
    let range: BlockRange
    /// Bytes of the compressed block, and where they are in their file.
    let size: UInt32
    let offset: UInt64

    static let size = 24

    init(_ range: BlockRange, size: Int, offset: Int) {
      (self.range, self.size, self.offset) = (range, UInt32(size), UInt64(offset))
    }

    init(_ bytes: ArraySlice<UInt8>) {
      func word(_ number: Int) -> Int { Int(bytes.number(at: 4 * number, as: UInt32.self)!) }
      self.init(
        BlockRange(contig: word(0), start: word(1), end: word(2)), size: word(3),
        offset: Int(bytes.number(at: 16, as: UInt64.self)!))
    }

    var bytes: [UInt8] {
      [UInt8]([
        range.startContig, range.start, range.end, size, UInt32(truncatingIfNeeded: offset), UInt32(offset >> 32),
      ])
    }
  }

  /// Children a node.
  private static let nodeSize = 256

  /// Number of blocks.
  private(set) var count = 0
  /// Compressed bytes of all blocks.
  private(set) var size = 0
  /// The range of each leaf.
  private var leaves: [BlockRange] = []
  /// Where the entries of each full leaf begin in the spool.
  private var spooled: [Int] = []
  /// Entries of the leaf that is not full.
  private var rest: [Entry] = []

  /// Adds the next block.
  mutating func append(
    _ range: BlockRange, size: Int, offset: Int, spool: inout AtomicFile
  ) throws(TrackError) {
    if rest.isEmpty { leaves.append(range) } else { leaves[leaves.count - 1].cover(range) }
    rest.append(Entry(range, size: size, offset: offset))
    count += 1
    self.size += size
    guard rest.count == Self.nodeSize else { return }
    spooled.append(spool.size)
    try spool.write(rest.flatMap(\.bytes))
    rest.removeAll(keepingCapacity: true)
  }

  /// The entries of a leaf.
  private func entries(ofLeaf leaf: Int, _ spool: inout AtomicFile) throws(TrackError) -> [Entry] {
    guard leaf < spooled.count else { return rest }
    let bytes = try spool.read(Self.nodeSize * Entry.size, at: spooled[leaf])
    return (0..<Self.nodeSize).map { Entry(bytes[$0 * Entry.size..<($0 + 1) * Entry.size]) }
  }

  /// Moves the blocks from the spool to the end of a file.
  func copyBlocks(from spool: inout AtomicFile, to file: inout AtomicFile) throws(TrackError) {
    for leaf in leaves.indices {
      for entry in try entries(ofLeaf: leaf, &spool) {
        try file.write(try spool.read(Int(entry.size), at: Int(entry.offset)))
      }
    }
  }

  /// Writes the R-tree at the end of a file.
  /// - Parameter blocks: where the first block is in the file; the others follow it without a gap.
  func write(blocksAt blocks: Int, to file: inout AtomicFile, spool: inout AtomicFile) throws(TrackError) {
    // Nodes from the leaves to the root; without any block the root is an empty leaf.
    var levels = [leaves.isEmpty ? [BlockRange(contig: 0, start: 0, end: 0)] : leaves]
    while levels.last!.count > 1 { levels.append(Self.parents(of: levels.last!)) }
    let nodeSize = count > Self.nodeSize ? Self.nodeSize : max(1, count)

    var header = LittleEndianBytes()
    header.append(UInt32(0x2468_ACE0))
    header.append(UInt32(nodeSize))
    header.append(UInt64(count))
    for word in levels.last![0].words { header.append(word) }
    header.append(UInt64(blocks + size))
    header.append(UInt32(1))  // blocks an entry of a leaf
    header.append(UInt32(0))
    try file.write(header.bytes)

    // Every node takes the room of a full one, as UCSC's tools write them.
    let (leafRoom, innerRoom) = (4 + 32 * nodeSize, 4 + 24 * nodeSize)
    for level in levels.indices.dropFirst().reversed() {
      let childRoom = level == 1 ? leafRoom : innerRoom
      let firstChild = file.size + levels[level].count * innerRoom
      for node in levels[level].indices {
        let children = node * nodeSize..<min((node + 1) * nodeSize, levels[level - 1].count)
        try file.write(
          Self.node(isLeaf: false, room: innerRoom, count: children.count) { bytes in
            for child in children {
              for word in levels[level - 1][child].words { bytes.append(word) }
              bytes.append(UInt64(firstChild + child * childRoom))
            }
          })
      }
    }
    var offset = blocks
    for leaf in levels[0].indices {
      let entries = try entries(ofLeaf: leaf, &spool)
      try file.write(
        Self.node(isLeaf: true, room: leafRoom, count: entries.count) { bytes in
          for entry in entries {
            for word in entry.range.words { bytes.append(word) }
            bytes.append(UInt64(offset))
            bytes.append(UInt64(entry.size))
            offset += Int(entry.size)
          }
        })
    }
  }

  private static func parents(of nodes: [BlockRange]) -> [BlockRange] {
    stride(from: 0, to: nodes.count, by: nodeSize).map { first in
      nodes[first..<min(first + nodeSize, nodes.count)].dropFirst().reduce(into: nodes[first]) { $0.cover($1) }
    }
  }

  private static func node(
    isLeaf: Bool, room: Int, count: Int, _ fill: (inout LittleEndianBytes) -> Void
  ) -> [UInt8] {
    var bytes = LittleEndianBytes()
    bytes.append(UInt8(isLeaf ? 1 : 0))
    bytes.append(UInt8(0))
    bytes.append(UInt16(count))
    fill(&bytes)
    return bytes.bytes + [UInt8](repeating: 0, count: room - bytes.bytes.count)
  }
}
