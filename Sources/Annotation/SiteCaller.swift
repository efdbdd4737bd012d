public import Genomics

/// A called site.
public struct SiteCall: Hashable, Sendable {
  /// Index of the contig in the caller's order.
  public let contig: Int
  /// 0-based plus-strand position.
  public let position: Int
  /// `nil` when both strands are averaged.
  public let strand: Strand?
  /// The prediction there.
  public let value: Float
}

/// Calls sites along one strand: local maxima at or above a threshold, by non-maximum suppression.
///
/// The highest candidate is called first and suppresses every other within 10 bases; among equals the strand's upstream one
/// wins. Candidates more than 10 bases apart cannot affect each other, so memory is a cluster, not a contig, and the calls
/// do not depend on how values are handed over.
public struct SiteCaller: Sendable {
  /// Bases on each side of a call that hold no other.
  public static let reach = 10

  private let threshold: Double
  private let strand: Strand?
  private var cluster: [SiteCall] = []
  private var calls: [SiteCall] = []
  /// The last base seen: a local maximum is known one base later.
  private var last: (contig: Int, position: Int, value: Float)?
  /// Whether the last base is not lower than the one before it.
  private var rising = true

  /// - Parameter threshold: smallest value of a call.
  public init(threshold: Double, strand: Strand?) {
    self.threshold = threshold
    self.strand = strand
  }

  /// Takes values of consecutive bases; stretches arrive by ascending contig and position. NaN is no value.
  public mutating func append(contig: Int, start: Int, values: some Sequence<Float>) {
    for (offset, value) in values.enumerated() { append(contig, start + offset, value) }
  }

  private mutating func append(_ contig: Int, _ position: Int, _ value: Float) {
    guard !value.isNaN else { return endRun() }
    if let last, last.contig != contig || last.position + 1 != position { endRun() }
    if let last {
      // On a plateau every base stays a candidate until suppression decides, so that both strands see the same.
      if value <= last.value, rising { candidate(last) }
      rising = value >= last.value
    } else {
      rising = true
    }
    last = (contig, position, value)
  }

  /// The base before a gap is compared with its other neighbour only.
  private mutating func endRun() {
    if let last, rising { candidate(last) }
    last = nil
  }

  private mutating func candidate(_ base: (contig: Int, position: Int, value: Float)) {
    guard Double(base.value) >= threshold else { return }
    if let before = cluster.last, before.contig != base.contig || base.position - before.position > Self.reach {
      settle()
    }
    cluster.append(SiteCall(contig: base.contig, position: base.position, strand: strand, value: base.value))
  }

  /// Calls the sites of the cluster.
  private mutating func settle() {
    let upstreamFirst = strand != .minus
    var called: [SiteCall] = []
    for site in cluster.sorted(by: {
      $0.value != $1.value ? $0.value > $1.value : ($0.position < $1.position) == upstreamFirst
    }) where called.allSatisfy({ abs($0.position - site.position) > Self.reach }) {
      called.append(site)
    }
    calls += called.sorted { $0.position < $1.position }
    cluster = []
  }

  /// The calls, ascending.
  public mutating func finish() -> [SiteCall] {
    endRun()
    settle()
    defer { calls = [] }
    return calls
  }
}
