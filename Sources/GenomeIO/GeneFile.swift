public import Genomics

/// Reads which bases code for proteins from a GFF3 (or GTF) file, plain, gzip or bgzip.
public enum GeneFile {
  /// The intervals of the features of type `CDS`, in the order of the file. Everything behind `##FASTA` is skipped.
  public static func codingIntervals(path: String, contigs: [Contig]) throws(RegionFileError) -> [Interval] {
    let lengths = Dictionary(contigs.map { ($0.name, $0.length) }) { first, _ in first }
    var intervals: [Interval] = []
    try RegionLines.read(path: path) { bytes, _ throws(RegionFileError.Problem) in
      let line = String(decoding: bytes, as: UTF8.self)
      if line.hasPrefix("##FASTA") { return false }
      if let interval = try interval(of: line, lengths) { intervals.append(interval) }
      return true
    }
    return intervals
  }

  private static func interval(of line: String, _ lengths: [String: Int]) throws(RegionFileError.Problem) -> Interval? {
    guard !line.hasPrefix("#"), line.contains(where: { !$0.isWhitespace }) else { return nil }
    let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard columns.count >= 8 else { throw .notGFF(columns: columns.count) }
    guard columns[2] == "CDS" else { return nil }
    guard let start = Int(columns[3]) else { throw .notANumber(column: 4, text: columns[3]) }
    guard let end = Int(columns[4]) else { throw .notANumber(column: 5, text: columns[4]) }
    guard let length = lengths[columns[0]] else {
      throw .unknownContig(
        name: columns[0], suggestion: ContigNames.suggestion(for: columns[0]) { lengths[$0] != nil })
    }
    // GFF counts from 1 and includes the end.
    guard start >= 1 else { throw .negativeStart(start - 1) }
    guard end >= start else { throw .endBeforeStart(start: start, end: end) }
    guard end <= length else { throw .pastEnd(end: end, contig: columns[0], contigLength: length) }
    return Interval(contig: columns[0], start: start - 1, end: end)
  }
}
