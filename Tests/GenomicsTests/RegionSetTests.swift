import Genomics
import TestSupport
import Testing

@Suite("Region sets")
struct RegionSetTests {
  static let contigs = [Contig(name: "b", length: 40), Contig(name: "a", length: 25), Contig(name: "empty", length: 0)]

  /// The oracle: a set of (contig, position) pairs.
  static func bases(_ intervals: [Interval]) -> Set<String> {
    Set(intervals.flatMap { interval in interval.range.map { "\(interval.contig) \($0)" } })
  }

  static func random(_ count: Int, using random: inout SplitMix64) -> [Interval] {
    (0..<count).map { _ in
      let contig = contigs[Int.random(in: 0..<2, using: &random)]
      let start = Int.random(in: 0...contig.length, using: &random)
      return Interval(
        contig: contig.name, start: start, end: Int.random(in: start...min(contig.length, start + 9), using: &random))
    }
  }

  @Test("union, intersection, difference and complement equal those of plain sets of bases", arguments: 0..<60)
  func setAlgebra(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let first = Self.random(seed % 12, using: &random)
    let second = Self.random(seed % 7, using: &random)
    let (a, b) = (RegionSet(first, contigs: Self.contigs), RegionSet(second, contigs: Self.contigs))
    let all = Self.bases(Self.contigs.map(\.interval))

    #expect(Self.bases(a.intervals) == Self.bases(first))
    #expect(a.baseCount == Self.bases(first).count)
    #expect(Self.bases(a.intersecting(b).intervals) == Self.bases(first).intersection(Self.bases(second)))
    #expect(Self.bases(a.subtracting(b).intervals) == Self.bases(first).subtracting(Self.bases(second)))
    #expect(Self.bases(a.complement().intervals) == all.subtracting(Self.bases(first)))
    #expect(RegionSet(first + second, contigs: Self.contigs) == RegionSet(second + first, contigs: Self.contigs))
  }

  @Test("intervals come in contig order, ascending, and never touch", arguments: 0..<60)
  func canonicalForm(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed) + 1000)
    let set = RegionSet(Self.random(20, using: &random), contigs: Self.contigs)
    let rank = ["b": 0, "a": 1]
    for (left, right) in zip(set.intervals, set.intervals.dropFirst()) {
      #expect((rank[left.contig]!, left.end) < (rank[right.contig]!, right.start))
    }
    #expect(set.intervals.allSatisfy { $0.length > 0 })
  }

  @Test("track order is byte order")
  func trackOrder() {
    let names = ["chr2", "chr10", "Z", "chr1", "é", "a", "chr1_alt", "10", "9"]
    let sorted = names.map { Contig(name: $0, length: 1) }.inTrackOrder().map(\.name)
    #expect(sorted == ["10", "9", "Z", "a", "chr1", "chr10", "chr1_alt", "chr2", "é"])
  }
}
