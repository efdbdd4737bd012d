/// A half-open range of 0-based positions on one contig: BED's convention, everywhere in this package.
///
/// htslib's 0-based *inclusive* ends and the 1-based ranges people type exist only inside the readers and
/// parsers that convert them.
public struct Interval: Hashable, Sendable {
  /// Name of the contig as the reference spells it, for example `chr1`.
  public let contig: String
  /// First position of the interval, 0-based.
  public let start: Int
  /// One past the last position of the interval, 0-based. Never less than `start`.
  public let end: Int

  public init(contig: String, start: Int, end: Int) {
    precondition(0 <= start && start <= end, "interval \(contig):\(start)-\(end) is not ordered")
    self.contig = contig
    self.start = start
    self.end = end
  }

  /// Number of bases covered.
  public var length: Int { end - start }

  /// The positions as a range.
  public var range: Range<Int> { start..<end }
}

extension Interval: CustomStringConvertible {
  /// BED-like text with 0-based half-open ends, for messages: `chr1:[10, 20)`.
  public var description: String { "\(contig):[\(start), \(end))" }
}
