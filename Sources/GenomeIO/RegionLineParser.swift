import Genomics
import Glibc

/// Turns one line of a BED or narrowPeak file into a region.
struct RegionLineParser {
  typealias Problem = RegionFileError.Problem

  private let lengths: [String: Int]
  private let isNarrowPeak: Bool

  init(contigs: [Contig], isNarrowPeak: Bool) {
    lengths = Dictionary(contigs.map { ($0.name, $0.length) }) { first, _ in first }
    self.isNarrowPeak = isNarrowPeak
  }

  /// The region of a line, without its line number; `nil` for a line that holds none.
  func region(of line: [UInt8]) throws(Problem) -> Region? {
    let columns = Self.columns(of: line)
    guard let first = columns.first, !first.hasPrefix("#") else { return nil }
    guard first != "track", first != "browser" else { return nil }
    guard columns.count >= 3 else { throw .tooFewColumns(columns.count) }

    var region = Region(interval: try interval(of: columns))
    if columns.count > 3 { region.name = Self.present(columns[3]) }
    if columns.count > 4, let text = Self.present(columns[4]) { region.score = try Self.score(text) }
    if columns.count > 5, let text = Self.present(columns[5]) { region.strand = try Self.strand(text) }
    do throws(Problem) {
      if isNarrowPeak || columns.count == 10 {
        region.summit = try Self.summit(columns, length: region.interval.length)
      }
    } catch {
      if isNarrowPeak { throw error }
    }
    return region
  }

  private func interval(of columns: [String]) throws(Problem) -> Interval {
    let start = try Self.integer(columns, 1)
    let end = try Self.integer(columns, 2)
    let name = columns[0]
    guard let length = lengths[name] else {
      let suggestion = ContigNames.suggestion(for: name) { lengths[$0] != nil }
      throw .unknownContig(name: name, suggestion: suggestion)
    }
    guard start >= 0 else { throw .negativeStart(start) }
    guard end >= start else { throw .endBeforeStart(start: start, end: end) }
    guard end > start else { throw .zeroLength(position: start) }
    guard end <= length else { throw .pastEnd(end: end, contig: name, contigLength: length) }
    return Interval(contig: name, start: start, end: end)
  }

  /// Columns between tabs, or between runs of blanks where there is no tab; none on a blank line.
  private static func columns(of line: [UInt8]) -> [String] {
    let tab = UInt8(ascii: "\t")
    let space = UInt8(ascii: " ")
    var line = line[...]
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard line.contains(where: { $0 != tab && $0 != space }) else { return [] }
    let words = line.split(separator: space).map { String(decoding: $0, as: UTF8.self) }
    guard line.contains(tab), words[0] != "track", words[0] != "browser" else { return words }
    return line.split(separator: tab, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  }

  /// `nil` for a column that says "nothing here".
  private static func present(_ text: String) -> String? { text.isEmpty || text == "." ? nil : text }

  /// A column of digits with an optional minus sign.
  private static func integer(_ columns: [String], _ index: Int) throws(Problem) -> Int {
    guard let value = Int(columns[index]), columns[index].utf8.first != UInt8(ascii: "+") else {
      throw .notANumber(column: index + 1, text: columns[index])
    }
    return value
  }

  private static func score(_ text: String) throws(Problem) -> Double {
    guard let score = Double(text), score.isFinite else { throw .badScore(text) }
    return score
  }

  private static func strand(_ text: String) throws(Problem) -> Strand {
    guard let strand = Strand.allCases.first(where: { $0.symbol == text }) else { throw .badStrand(text) }
    return strand
  }

  /// Column 10 of a narrowPeak whose columns 7 to 9 are numbers; `nil` for -1.
  private static func summit(_ columns: [String], length: Int) throws(Problem) -> Int? {
    guard columns.count >= 10, columns[6..<9].allSatisfy({ Double($0) != nil }), let summit = Int(columns[9]),
      -1..<length ~= summit
    else { throw .badPeak(columns.dropFirst(6).joined(separator: " ")) }
    return summit < 0 ? nil : summit
  }
}
