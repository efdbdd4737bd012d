/// A set of bases: intervals in contig order, ascending, none empty, none touching another.
///
/// However the input was ordered, repeated or overlapping, equal sets of bases are equal values.
public struct RegionSet: Sendable, Hashable {
  /// The contigs that give the order.
  public let contigs: [Contig]
  /// The maximal runs of bases of the set.
  public let intervals: [Interval]

  /// The union of `intervals`; every one must lie on one of `contigs` and inside it.
  public init(_ intervals: [Interval], contigs: [Contig]) {
    let rank = Self.ranks(of: contigs)
    let ordered = intervals.filter { $0.length > 0 }.map { interval in
      guard let rank = rank[interval.contig] else { preconditionFailure("no contig \(interval.contig)") }
      precondition(interval.end <= contigs[rank].length, "\(interval) runs past its contig")
      return (rank: rank, interval: interval)
    }.sorted { ($0.rank, $0.interval.start) < ($1.rank, $1.interval.start) }

    var merged: [Interval] = []
    for (_, interval) in ordered {
      if let last = merged.last, last.contig == interval.contig, interval.start <= last.end {
        merged[merged.count - 1] = Interval(
          contig: last.contig, start: last.start, end: max(last.end, interval.end))
      } else {
        merged.append(interval)
      }
    }
    self.contigs = contigs
    self.intervals = merged
  }

  /// All bases of all contigs.
  public init(all contigs: [Contig]) { self.init(contigs.map(\.interval), contigs: contigs) }

  /// Number of bases in the set.
  public var baseCount: Int { intervals.reduce(0) { $0 + $1.length } }

  public var isEmpty: Bool { intervals.isEmpty }

  /// The bases that are in both sets, which must have the same contigs.
  public func intersecting(_ other: RegionSet) -> RegionSet {
    precondition(contigs == other.contigs, "sets over different contigs")
    let rank = Self.ranks(of: contigs)
    var common: [Interval] = []
    var (mine, theirs) = (0, 0)
    while mine < intervals.count, theirs < other.intervals.count {
      let (a, b) = (intervals[mine], other.intervals[theirs])
      if a.contig == b.contig, max(a.start, b.start) < min(a.end, b.end) {
        common.append(Interval(contig: a.contig, start: max(a.start, b.start), end: min(a.end, b.end)))
      }
      if (rank[a.contig]!, a.end) < (rank[b.contig]!, b.end) { mine += 1 } else { theirs += 1 }
    }
    return RegionSet(common, contigs: contigs)
  }

  /// The bases of this set that are not in `other`, which must have the same contigs.
  public func subtracting(_ other: RegionSet) -> RegionSet { intersecting(other.complement()) }

  /// The bases of the contigs that are not in this set.
  public func complement() -> RegionSet {
    var gaps: [Interval] = []
    var next = 0
    for contig in contigs {
      var start = 0
      while next < intervals.count, intervals[next].contig == contig.name {
        gaps.append(Interval(contig: contig.name, start: start, end: intervals[next].start))
        start = intervals[next].end
        next += 1
      }
      gaps.append(Interval(contig: contig.name, start: start, end: contig.length))
    }
    return RegionSet(gaps, contigs: contigs)
  }

  /// Position of each contig in the order.
  private static func ranks(of contigs: [Contig]) -> [String: Int] {
    Dictionary(uniqueKeysWithValues: contigs.enumerated().map { ($1.name, $0) })
  }
}
