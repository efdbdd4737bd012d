public import Genomics
import Glibc
internal import HTS

/// Reads BED and narrowPeak files.
///
/// Plain, gzip or bgzip; `-` is standard input. Columns are separated by tabs, or by runs of spaces on lines without a tab.
/// Blank lines, comments (`#`) and `track` and `browser` lines are skipped, `\r\n` line ends are taken. A file is a
/// narrowPeak if its name says so (`.narrowPeak`, also with `.gz` or `.bgz`); in other files a line with ten columns that fit
/// gives its summit too. Columns beyond these are not looked at. Zero-length regions are errors.
public enum RegionFile {
  /// The regions of `path` in the order of the file, repeated and overlapping ones included. A file without any gives none.
  public static func read(path: String, contigs: [Contig]) throws(RegionFileError) -> [Region] {
    guard path == "-" || access(path, F_OK) == 0 else { throw .missing(path: path) }
    let parser = RegionLineParser(contigs: contigs, isNarrowPeak: isNarrowPeak(path))
    var regions: [Region] = []
    do {
      var file = try BlockReader(path: path)
      guard path == "-" || file.hasEndMarker else { throw RegionFileError.truncated(path: path) }
      var line = 1
      var next = try file.readLine()
      while let bytes = next {
        // Read on before looking: the last line before damage may be half a line.
        next = try file.readLine()
        do throws(RegionFileError.Problem) {
          if var region = try parser.region(of: bytes) {
            region.line = line
            regions.append(region)
          }
        } catch {
          throw RegionFileError.badLine(path: path, line: line, error)
        }
        line += 1
      }
    } catch let error as RegionFileError {
      throw error
    } catch HTSError.cannotOpen(_, let reason) {
      throw .unreadable(path: path, reason: reason)
    } catch {
      throw .unreadable(path: path, reason: "the file is damaged or truncated")
    }
    return regions
  }

  /// Whether the name of a file says that it is a narrowPeak.
  private static func isNarrowPeak(_ path: String) -> Bool {
    let name = path.lowercased()
    return [".narrowpeak", ".narrowpeak.gz", ".narrowpeak.bgz"].contains { name.hasSuffix($0) }
  }
}
