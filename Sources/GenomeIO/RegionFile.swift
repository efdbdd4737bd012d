public import Genomics

/// Reads BED and narrowPeak files.
///
/// Plain, gzip or bgzip; `-` is standard input. Columns are separated by tabs, or by runs of spaces on lines without a tab.
/// Blank lines, comments (`#`) and `track` and `browser` lines are skipped, `\r\n` line ends are taken. A file is a
/// narrowPeak if its name says so (`.narrowPeak`, also with `.gz` or `.bgz`); in other files a line with ten columns that fit
/// gives its summit too. Columns beyond these are not looked at. Zero-length regions are errors.
public enum RegionFile {
  /// The regions of `path` in the order of the file, repeated and overlapping ones included. A file without any gives none.
  public static func read(path: String, contigs: [Contig]) throws(RegionFileError) -> [Region] {
    let parser = RegionLineParser(contigs: contigs, isNarrowPeak: isNarrowPeak(path))
    var regions: [Region] = []
    try RegionLines.read(path: path, takesStandardInput: true) { bytes, number throws(RegionFileError.Problem) in
      if var region = try parser.region(of: bytes) {
        region.line = number
        regions.append(region)
      }
      return true
    }
    return regions
  }

  /// Whether the name of a file says that it is a narrowPeak.
  private static func isNarrowPeak(_ path: String) -> Bool {
    let name = path.lowercased()
    return [".narrowpeak", ".narrowpeak.gz", ".narrowpeak.bgz"].contains { name.hasSuffix($0) }
  }
}
