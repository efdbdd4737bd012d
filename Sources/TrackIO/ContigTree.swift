import Genomics

/// The B+ tree of a bigWig or bigBed that gives a contig's number and length for its name.
enum ContigTree {
  /// Children a node at most.
  private static let nodeSize = 256

  /// The tree's bytes.
  /// - Parameters:
  ///   - contigs: in ``Genomics/Contig/trackOrder(_:_:)``; a contig's number is its index.
  ///   - offset: where the tree begins in the file.
  static func bytes(_ contigs: [Contig], at offset: Int) -> [UInt8] {
    let nodeSize = min(nodeSize, max(1, contigs.count))
    let keySize = max(1, contigs.map(\.name.utf8.count).max() ?? 0)
    // A node of level k covers the contigs of nodeSize^(k + 1).
    var levels = 1
    while power(nodeSize, levels) < contigs.count { levels += 1 }

    var bytes = LittleEndianBytes()
    bytes.append(UInt32(0x78CA_8C91))
    bytes.append(UInt32(nodeSize))
    bytes.append(UInt32(keySize))
    bytes.append(UInt32(8))  // bytes a value: number and length
    bytes.append(UInt64(contigs.count))
    bytes.append(UInt64(0))

    // Every node takes the room of a full one: readers find the k-th name by arithmetic. Values and offsets have 8 bytes both.
    let room = 4 + nodeSize * (keySize + 8)
    for level in (0..<levels).reversed() {
      let covered = power(nodeSize, level)
      let nodes = max(1, (contigs.count + covered * nodeSize - 1) / (covered * nodeSize))
      let firstChild = offset + bytes.bytes.count + nodes * room
      for node in 0..<nodes {
        let end = bytes.bytes.count + room
        let children = Array(
          stride(
            from: node * covered * nodeSize, to: min((node + 1) * covered * nodeSize, contigs.count), by: covered))
        bytes.append(UInt8(level == 0 ? 1 : 0))
        bytes.append(UInt8(0))
        bytes.append(UInt16(children.count))
        for child in children {
          let name = contigs[child].name
          bytes.append(name)
          bytes.append(zeros: keySize - name.utf8.count)
          if level == 0 {
            bytes.append(UInt32(child))
            bytes.append(UInt32(contigs[child].length))
          } else {
            bytes.append(UInt64(firstChild + child / covered * room))
          }
        }
        bytes.append(zeros: end - bytes.bytes.count)
      }
    }
    return bytes.bytes
  }

  private static func power(_ base: Int, _ exponent: Int) -> Int {
    // With one contig the base is 1, and one level covers it.
    (0..<exponent).reduce(1) { power, _ in power * base }
  }
}
