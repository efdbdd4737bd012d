/// What can be wrong with a BED or narrowPeak file. Every message names the file, the line and the cure.
public enum RegionFileError: Error, Equatable, Sendable {
  /// What can be wrong with one line.
  public enum Problem: Error, Equatable, Sendable {
    /// Fewer than three columns.
    case tooFewColumns(Int)
    /// Column `column` (1-based) should be a whole number.
    case notANumber(column: Int, text: String)
    /// The start is less than 0.
    case negativeStart(Int)
    /// The end is less than the start.
    case endBeforeStart(start: Int, end: Int)
    /// Start and end are equal: an insertion point has no base to score.
    case zeroLength(position: Int)
    /// The reference has no such contig; `suggestion` is one that was probably meant.
    case unknownContig(name: String, suggestion: String?)
    /// The region runs past the end of its contig.
    case pastEnd(end: Int, contig: String, contigLength: Int)
    /// Column 5 is neither a number nor `.`.
    case badScore(String)
    /// Column 6 is not `+`, `-` or `.`.
    case badStrand(String)
    /// A line of a GFF file with fewer than its columns.
    case notGFF(columns: Int)
    /// Columns 7 to 10 of a narrowPeak are not three numbers and a summit inside the peak (or -1).
    case badPeak(String)
  }

  /// There is no such file.
  case missing(path: String)
  /// The disk, or a damaged file; `reason` says which.
  case unreadable(path: String, reason: String)
  /// A bgzip file without its end marker.
  case truncated(path: String)
  /// A line that is no region; lines are counted from 1.
  case badLine(path: String, line: Int, Problem)
}

extension RegionFileError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let path): "\(path): no such file"
    case .unreadable(let path, let reason): "\(path): cannot read: \(reason)"
    case .truncated(let path): "\(path): the end is missing: copy the file again"
    case .badLine(let path, let line, let problem): "\(path == "-" ? "standard input" : path):\(line): \(problem)"
    }
  }
}

extension RegionFileError.Problem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooFewColumns(let count):
      "\(count) column\(count == 1 ? "" : "s") where BED has at least three, separated by tabs: contig, start, end"
    case .notANumber(let column, let text):
      "column \(column) should be a whole number and is \"\(text)\""
    case .negativeStart(let start):
      "the start \(start) is negative; BED counts from 0"
    case .endBeforeStart(let start, let end):
      "the end \(end) is before the start \(start); BED has the smaller position first on both strands"
    case .zeroLength(let position):
      "zero-length region at \(position): BED ends are exclusive, so one base is \(position) to \(position + 1)"
    case .unknownContig(let name, let suggestion):
      "the reference has no sequence named \(name)" + ContigNames.hint(suggestion)
    case .pastEnd(let end, let contig, let contigLength):
      "the end \(end) is past the end of \(contig), which has \(contigLength) bases: is this the right genome version?"
    case .badScore(let text):
      "the score \"\(text)\" in column 5 is not a number (or `.`); `cut -f1-3` keeps the positions only"
    case .badStrand(let text):
      "the strand \"\(text)\" in column 6 is not +, - or `.`; `cut -f1-3` keeps the positions only"
    case .notGFF(let columns):
      "\(columns) column\(columns == 1 ? "" : "s") where GFF has nine, separated by tabs"
    case .badPeak(let text):
      "\"\(text)\" is not how a narrowPeak ends: three numbers and a summit inside the peak, or -1"
    }
  }
}
