internal import CHTSlib
import Glibc

/// Reads region strings such as `chr1:1,000-2,000` by htslib's own parser, so that they mean what samtools says.
public enum RegionParser {
  /// What a region string means.
  public enum Result: Equatable, Sendable {
    /// A known contig by its index and 0-based half-open positions; `end` may lie beyond the contig.
    case region(contig: Int, start: Int, end: Int)
    /// The contig is not known.
    case unknownContig
    /// Both `chr1` and `chr1:100-200` are contigs: braces say which is meant, as in `{chr1}:100-200`.
    case ambiguous
    /// The positions are no range.
    case invalid
  }

  /// - Parameter index: index of a contig, or `nil` when there is none of that name.
  public static func parse(_ text: String, index: (String) -> Int?) -> Result {
    HTS.quiet
    return withoutActuallyEscaping(index) { index in
      let lookup = Lookup(index: index)
      var contig: CInt = -1
      var start: hts_pos_t = 0
      var end: hts_pos_t = 0
      let rest = hts_parse_region(
        text, &contig, &start, &end,
        { context, name in
          guard let context, let name else { return -1 }
          let lookup = Unmanaged<Lookup>.fromOpaque(context).takeUnretainedValue()
          return lookup.index(String(cString: name)).map(CInt.init) ?? -1
        },
        Unmanaged.passUnretained(lookup).toOpaque(), CInt(HTS_PARSE_THOUSANDS_SEP))
      return withExtendedLifetime(lookup) {
        if rest != nil, contig >= 0 { return .region(contig: Int(contig), start: Int(start), end: Int(end)) }
        // htslib gives an ambiguous text and an unknown contig the same code.
        guard contig < 0 else { return .invalid }
        return index(text) != nil && !text.hasPrefix("{") ? .ambiguous : .unknownContig
      }
    }
  }

  private final class Lookup {
    let index: (String) -> Int?
    init(index: @escaping (String) -> Int?) { self.index = index }
  }
}
