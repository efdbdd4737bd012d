public import Genomics
internal import HTS

/// Reads region strings with samtools' meaning: 1-based, both ends included.
///
/// `chr1` is the whole contig, `chr1:100` goes to its end, `chr1:100-200` is 101 bases, `chr1:-200` the first 200. Digits may
/// be grouped by commas. A name with colons goes in braces, `{HLA-A*01:01}:1-5`. Ends beyond the contig are cut to it, as
/// samtools does; a region that holds no base of the contig is an error.
public enum RegionString {
  public static func parse(_ text: String, contigs: [Contig]) throws(RegionStringError) -> Interval {
    let numbers = Dictionary(contigs.enumerated().map { ($1.name, $0) }) { first, _ in first }
    switch RegionParser.parse(text, index: { numbers[$0] }) {
    case .region(let number, let start, let end):
      let contig = contigs[number]
      // A start of 0 comes out as -1; samtools gives nothing for it.
      guard start >= 0 else { throw .invalid(text) }
      guard start < min(end, contig.length) else { throw .empty(text, contigLength: contig.length) }
      return Interval(contig: contig.name, start: start, end: min(end, contig.length))
    case .unknownContig:
      let name = text.split(separator: ":").first.map(String.init) ?? text
      throw .unknownContig(text, suggestion: ContigNames.suggestion(for: name) { numbers[$0] != nil })
    case .ambiguous:
      throw .ambiguous(text)
    case .invalid:
      throw .invalid(text)
    }
  }
}
