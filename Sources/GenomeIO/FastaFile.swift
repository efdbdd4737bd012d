import Genomics
import Glibc
internal import HTS

/// The open FASTA behind a ``ReferenceReader``: reads stretches of bases and checks everything it meets on the way.
///
/// A stale `.fai` is silent in htslib. Here a stretch is believed only if its contig's header stands where the index says,
/// line ends are where the index says, and every other byte is a letter that a nucleotide FASTA may hold.
final class FastaFile {
  private let path: String
  private let index: FastaIndex
  private var reader: BlockReader
  /// Whether the surroundings of each contig have been looked at.
  private var checked: [Bool]
  /// Where the search backwards for each contig's header must stop: the end of the contig before it in the file.
  private let headerStart: [Int]

  init(path: String, index: FastaIndex, reader: consuming BlockReader) {
    self.path = path
    self.index = index
    self.reader = reader
    checked = [Bool](repeating: false, count: index.records.count)
    var headerStart = [Int](repeating: 0, count: index.records.count)
    var end = 0
    for number in index.records.indices.sorted(by: { index.records[$0].offset < index.records[$1].offset }) {
      headerStart[number] = end
      end = max(end, index.records[number].end)
    }
    self.headerStart = headerStart
  }

  /// Looks at the first and the last contig of the file and at up to about 500 between them.
  ///
  /// Any change of length moves everything behind it, so that the last contig shows it. All other contigs are checked when
  /// they are first read.
  func checkSample() throws(ReferenceError) {
    let order = index.records.indices.sorted { index.records[$0].offset < index.records[$1].offset }
    let step = max(1, order.count / 500)
    for position in stride(from: 0, to: order.count, by: step) { try check(order[position]) }
    try check(order[order.count - 1])
  }

  /// The bases `range` of contig `number` as stored.
  func bases(of number: Int, _ range: Range<Int>) throws(ReferenceError) -> [UInt8] {
    try check(number)
    guard !range.isEmpty else { return [] }
    let record = index.records[number]
    let first = record.byte(ofBase: range.lowerBound)
    let raw = try bytes(first..<record.byte(ofBase: range.upperBound - 1) + 1, of: record)

    let lineEnd = record.lineWidth - record.lineBases
    let bases = [UInt8](unsafeUninitializedCapacity: range.count) { bases, count in
      var next = 0
      while count < range.count {
        let left = min(record.lineBases - (range.lowerBound + count) % record.lineBases, range.count - count)
        for letter in raw[next..<next + left] {
          guard Self.isLetter[Int(letter)] else { return }
          bases[count] = letter
          count += 1
        }
        next += left
        if count < range.count {
          guard raw[next..<next + lineEnd].elementsEqual(lineEnd == 2 ? [13, 10] : [10]) else { return }
          next += lineEnd
        }
      }
    }
    guard bases.count == range.count else { throw doesNotFit(record) }
    return bases
  }

  /// Checks once that the line before the contig's first base is its header and that its last base ends a line.
  private func check(_ number: Int) throws(ReferenceError) {
    guard !checked[number] else { return }
    let record = index.records[number]
    guard headerStart[number] < record.offset else { throw doesNotFit(record) }
    guard
      record.contig.length == 0 || 1...2 ~= record.lineWidth - record.lineBases
        || record.contig.length <= record.lineBases
    else { throw doesNotFit(record) }
    guard try header(of: record, from: headerStart[number]) == record.contig.name else { throw doesNotFit(record) }
    if record.contig.length > 0 {
      let tail = try bytes(record.end - 1..<record.end + 1, of: record, orFewer: true)
      guard Self.isLetter[Int(tail.first ?? 0)], tail.count == 1 || tail[1] == 10 || tail[1] == 13 else {
        throw doesNotFit(record)
      }
    }
    checked[number] = true
  }

  /// The name on the header line that ends just before a contig's first base; `nil` when that line is no header.
  private func header(of record: FastaIndex.Record, from start: Int) throws(ReferenceError) -> String? {
    var size = 1 << 10
    while true {
      // A header may be longer than what was read: then its `>` is not in sight, and more is read.
      let low = max(start, record.offset - size)
      let text = try bytes(low..<record.offset, of: record)
      guard text.last == 10 else { return nil }
      let line = text.dropLast().lastIndex(of: 10).map { $0 + 1 } ?? (low == 0 ? 0 : nil)
      if let line {
        guard text[line] == UInt8(ascii: ">") else { return nil }
        let name = text[(line + 1)...].prefix { !isspace($0) }
        return String(decoding: name, as: UTF8.self)
      }
      guard low > start else { return nil }
      size *= 4
    }
  }

  private func bytes(
    _ range: Range<Int>, of record: FastaIndex.Record, orFewer: Bool = false
  ) throws(ReferenceError) -> [UInt8] {
    let bytes: [UInt8]
    do {
      try reader.seek(to: range.lowerBound)
      bytes = try reader.read(count: range.count)
    } catch .badPosition {
      throw doesNotFit(record)
    } catch {
      throw .unreadable(path: path, reason: String(describing: error))
    }
    guard orFewer || bytes.count == range.count else { throw doesNotFit(record) }
    return bytes
  }

  private func doesNotFit(_ record: FastaIndex.Record) -> ReferenceError {
    .indexDoesNotFit(path: path, contig: record.contig.name)
  }

  /// The bytes that may stand for a base: IUPAC letters of either case, X, gaps and stops.
  private static let isLetter: [Bool] = {
    let letters = "ACGTURYSWKMBDHVNX"
    let allowed = Set((letters + letters.lowercased() + "-*").utf8)
    return (0..<256).map { allowed.contains(UInt8($0)) }
  }()
}

/// Whether a byte ends a sequence name.
private func isspace(_ byte: UInt8) -> Bool { byte == 32 || 9...13 ~= byte }
