/// One line of a BED or narrowPeak file.
public struct Region: Sendable, Hashable {
  /// Where it lies; at least one base long.
  public var interval: Interval
  /// Column 4; `nil` when there is none or it is `.`.
  public var name: String?
  /// Column 5; `nil` when there is none or it is `.`.
  public var score: Double?
  /// Column 6; `nil` when there is none or it is `.`.
  public var strand: Strand?
  /// Bases from `interval.start` to the summit (column 10 of narrowPeak); `nil` when the file has none or says -1.
  public var summit: Int?
  /// Line of the file, 1-based, for messages.
  public var line: Int

  public init(
    interval: Interval, name: String? = nil, score: Double? = nil, strand: Strand? = nil, summit: Int? = nil,
    line: Int = 0
  ) {
    self.interval = interval
    self.name = name
    self.score = score
    self.strand = strand
    self.summit = summit
    self.line = line
  }
}
