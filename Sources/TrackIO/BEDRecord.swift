public import Genomics

/// One line of a BED file that this package writes.
public struct BEDRecord: Sendable, Hashable {
  public var interval: Interval
  /// Column 4; no tabs or line ends.
  public var name: String
  /// Column 5, 0...1000 as UCSC wants it.
  public var score: Int
  /// Column 6; `nil` is `.`.
  public var strand: Strand?
  /// Further columns; no tabs or line ends.
  public var extra: [String]

  public init(interval: Interval, name: String = ".", score: Int = 0, strand: Strand? = nil, extra: [String] = []) {
    precondition(0...1000 ~= score, "a BED score is 0...1000")
    self.interval = interval
    self.name = name
    self.score = score
    self.strand = strand
    self.extra = extra
  }

  /// The first `standard` columns, 3 to 6, and the extra ones.
  func columns(_ standard: Int) -> [String] {
    precondition(extra.isEmpty || standard == 6, "extra columns follow all six standard ones")
    let all = [
      interval.contig, String(interval.start), String(interval.end), name, String(score), strand?.symbol ?? ".",
    ]
    return all.prefix(standard) + extra
  }
}
