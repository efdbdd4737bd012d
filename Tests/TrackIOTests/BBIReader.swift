import CBigWig
import Genomics
import Testing

/// Takes a bigWig or bigBed apart by the published layout and checks on the way what every reader relies on.
///
/// The oracle of the container: plain, whole file in memory.
struct BBIReader {
  struct Block {
    let contig: Int
    let start: Int
    let end: Int
    let bytes: [UInt8]
  }

  struct ZoomRecord: Equatable {
    let contig: Int
    let start: Int
    let end: Int
    let count: Int
    let min: Float
    let max: Float
    let sum: Float
    let sumOfSquares: Float
  }

  struct Zoom {
    let reduction: Int
    let records: [ZoomRecord]
  }

  private let file: [UInt8]
  let contigs: [Contig]
  let dataCount: Int
  let blocks: [Block]
  let zooms: [Zoom]
  let columns: (all: Int, standard: Int)
  let autoSql: String?
  let covered: Int
  /// Smallest and largest value, sum and sum of squares.
  let summary: [Double]

  init(_ bytes: [UInt8], magic: UInt32) throws {
    file = bytes
    func number<N: FixedWidthInteger>(_ offset: Int, _ type: N.Type) -> Int {
      Int((0..<N.bitWidth / 8).reduce(N(0)) { $0 | N(bytes[offset + $1]) << (8 * N($1)) })
    }
    try #require(number(0, UInt32.self) == Int(magic) && number(bytes.count - 4, UInt32.self) == Int(magic))
    try #require(number(4, UInt16.self) == 4)
    let levels = number(6, UInt16.self)
    let dataOffset = number(16, UInt64.self)
    let bufferSize = number(52, UInt32.self)
    columns = (number(32, UInt16.self), number(34, UInt16.self))
    let textOffset = number(36, UInt64.self)
    autoSql = textOffset == 0 ? nil : String(decoding: bytes[textOffset...].prefix { $0 != 0 }, as: UTF8.self)
    try #require(number(56, UInt64.self) == 0)
    let summaryOffset = number(44, UInt64.self)
    covered = number(summaryOffset, UInt64.self)
    summary = (1...4).map { Double(bitPattern: UInt64(bitPattern: Int64(number(summaryOffset + 8 * $0, Int64.self)))) }

    // The tree of contigs.
    let tree = number(8, UInt64.self)
    try #require(number(tree, UInt32.self) == 0x78CA_8C91)
    let nodeSize = number(tree + 4, UInt32.self)
    let keySize = number(tree + 8, UInt32.self)
    try #require(number(tree + 12, UInt32.self) == 8)
    var found: [Contig] = []
    func walkContigs(_ node: Int, _ firstKey: [UInt8]?) {
      let count = number(node + 2, UInt16.self)
      #expect(count <= nodeSize)
      for child in 0..<count {
        let item = node + 4 + child * (keySize + 8)
        let key = Array(bytes[item..<item + keySize])
        if child == 0, let firstKey { #expect(key == firstKey) }
        if bytes[node] == 1 {
          #expect(number(item + keySize, UInt32.self) == found.count)
          let name = String(decoding: key.prefix { $0 != 0 }, as: UTF8.self)
          found.append(Contig(name: name, length: number(item + keySize + 4, UInt32.self)))
        } else {
          walkContigs(number(item + keySize, UInt64.self), key)
        }
      }
    }
    walkContigs(tree + 32, nil)
    #expect(found.count == number(tree + 16, UInt64.self))
    contigs = found

    // An index and the blocks it leads to, in order, without a gap between them.
    var largest = 0
    func walkBlocks(_ index: Int, from first: Int) throws -> [Block] {
      try #require(number(index, UInt32.self) == 0x2468_ACE0)
      let nodeSize = number(index + 4, UInt32.self)
      var found: [Block] = []
      var next = first
      typealias Place = (contig: Int, base: Int)
      func walk(_ node: Int) throws -> (start: Place, end: Place) {
        let isLeaf = bytes[node] == 1
        let count = number(node + 2, UInt16.self)
        #expect(count <= nodeSize)
        var range: (start: Place, end: Place)?
        for child in 0..<count {
          let item = node + 4 + child * (isLeaf ? 32 : 24)
          let words = (0..<4).map { number(item + 4 * $0, UInt32.self) }
          let (start, end) = ((words[0], words[1]), (words[2], words[3]))
          let offset = number(item + 16, UInt64.self)
          if isLeaf {
            #expect(words[0] == words[2], "a block over two contigs")
            #expect(offset == next)
            let size = number(item + 24, UInt64.self)
            next = offset + size
            let plain = try Self.uncompress(Array(bytes[offset..<next]), room: bufferSize)
            largest = max(largest, plain.count)
            found.append(Block(contig: words[0], start: words[1], end: words[3], bytes: plain))
          } else {
            let inner = try walk(offset)
            #expect(inner.start == start && inner.end == end, "a node does not cover its children")
          }
          range = (range?.start ?? start, range.map { $0.end > end ? $0.end : end } ?? end)
        }
        return range ?? ((0, 0), (0, 0))
      }
      let range = try walk(index + 48)
      #expect(range.start == (number(index + 16, UInt32.self), number(index + 20, UInt32.self)))
      #expect(range.end == (number(index + 24, UInt32.self), number(index + 28, UInt32.self)))
      #expect(number(index + 8, UInt64.self) == found.count)
      #expect(next == index && number(index + 32, UInt64.self) == index)
      return found
    }
    dataCount = number(dataOffset, UInt64.self)
    blocks = try walkBlocks(number(24, UInt64.self), from: dataOffset + 8)
    zooms = try (0..<levels).map { level in
      let header = 64 + 24 * level
      let place = number(header + 8, UInt64.self)
      let blocks = try walkBlocks(number(header + 16, UInt64.self), from: place + 4)
      let records = try blocks.flatMap { block in
        let records = try Self.records(block.bytes)
        #expect(records.allSatisfy { $0.contig == block.contig })
        #expect(records.first?.start == block.start && records.last?.end == block.end)
        return records
      }
      #expect(records.count == number(place, UInt32.self))
      return Zoom(reduction: number(header, UInt32.self), records: records)
    }
    #expect(largest == bufferSize, "the size of the largest block is not exact")
  }

  private static func uncompress(_ bytes: [UInt8], room: Int) throws -> [UInt8] {
    var plain = [UInt8](repeating: 0, count: room)
    var size = uLong(room)
    try #require(CBigWig.uncompress(&plain, &size, bytes, uLong(bytes.count)) == Z_OK)
    return Array(plain[..<Int(size)])
  }

  static func words(_ bytes: [UInt8]) -> [UInt32] {
    stride(from: 0, to: bytes.count, by: 4).map { first in
      (0..<4).reduce(0) { $0 | UInt32(bytes[first + $1]) << (8 * UInt32($1)) }
    }
  }

  private static func records(_ bytes: [UInt8]) throws -> [ZoomRecord] {
    try #require(bytes.count % 32 == 0)
    let words = words(bytes)
    return stride(from: 0, to: words.count, by: 8).map { first in
      let floats = words[first + 4..<first + 8].map { Float(bitPattern: $0) }
      return ZoomRecord(
        contig: Int(words[first]), start: Int(words[first + 1]), end: Int(words[first + 2]),
        count: Int(words[first + 3]),
        min: floats[0], max: floats[1], sum: floats[2], sumOfSquares: floats[3])
    }
  }

  /// The records a level must have for these values by contig, the plain way; NaN is no value.
  static func naiveRecords(_ values: [[Float]], reduction: Int) -> [ZoomRecord] {
    values.enumerated().flatMap { contig, values in
      stride(from: 0, to: values.count, by: reduction).compactMap { first in
        let present = (first..<min(first + reduction, values.count)).filter { !values[$0].isNaN }
        guard !present.isEmpty else { return nil }
        let found = present.map { Double(values[$0]) }
        func clamped(_ sum: Double) -> Float {
          Float(min(max(sum, -Double(Float.greatestFiniteMagnitude)), Double(Float.greatestFiniteMagnitude)))
        }
        return ZoomRecord(
          contig: contig, start: present.first!, end: present.last! + 1, count: present.count, min: Float(found.min()!),
          max: Float(found.max()!), sum: clamped(found.reduce(0, +)),
          sumOfSquares: clamped(found.reduce(0) { $0 + $1 * $1 }))
      }
    }
  }
}

extension BBIReader.ZoomRecord {
  /// Whether two records say the same, sums within the rounding of their order of summation.
  func agrees(with other: Self) -> Bool {
    func near(_ left: Float, _ right: Float, _ size: Float) -> Bool { abs(left - right) <= 3e-7 * size }
    let size = Swift.max(abs(min), abs(max)) * Float(count)
    return contig == other.contig && start == other.start && end == other.end && count == other.count
      && min == other.min && max == other.max && near(sum, other.sum, size)
      && near(sumOfSquares, other.sumOfSquares, sumOfSquares)
  }
}
