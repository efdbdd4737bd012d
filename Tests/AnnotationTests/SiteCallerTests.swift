import Annotation
import Genomics
import TestSupport
import Testing

@Suite("Called sites")
struct SiteCallerTests {
  /// The definition, over the whole track at once.
  static func calls(_ values: [Float], threshold: Double, strand: Strand?) -> [Int] {
    let candidates = values.indices.filter { i in
      func neighbour(_ j: Int) -> Float { values.indices.contains(j) && !values[j].isNaN ? values[j] : -.infinity }
      return !values[i].isNaN && Double(values[i]) >= threshold && values[i] >= neighbour(i - 1)
        && values[i] >= neighbour(i + 1)
    }
    var called: [Int] = []
    for i in candidates.sorted(by: {
      values[$0] != values[$1] ? values[$0] > values[$1] : strand == .minus ? $0 > $1 : $0 < $1
    }) where called.allSatisfy({ abs($0 - i) > 10 }) { called.append(i) }
    return called.sorted()
  }

  @Test("calls equal the definition, however the track is handed over", arguments: 0..<40 as Range<UInt64>)
  func equalsDefinition(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    // Few distinct values, so that plateaus and ties are common; gaps too.
    let values = (0..<400).map { _ -> Float in
      let value = Int.random(in: 0..<8, using: &random)
      return value == 0 ? .nan : Float(value) / 8
    }
    for strand in [Strand.plus, .minus, nil] {
      var caller = SiteCaller(threshold: 0.5, strand: strand)
      var start = 0
      while start < values.count {
        let end = min(values.count, start + Int.random(in: 1...60, using: &random))
        caller.append(contig: 2, start: start, values: values[start..<end])
        start = end
      }
      let calls = caller.finish()
      #expect(calls.map(\.position) == Self.calls(values, threshold: 0.5, strand: strand))
      #expect(calls.allSatisfy { $0.strand == strand && $0.contig == 2 && $0.value == values[$0.position] })
    }
  }

  @Test("the mirrored track on the other strand gives the mirrored calls", arguments: 0..<20 as Range<UInt64>)
  func mirrors(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let values = (0..<300).map { _ in Float(Int.random(in: 0..<6, using: &random)) }
    func calls(_ values: [Float], _ strand: Strand) -> [Int] {
      var caller = SiteCaller(threshold: 2, strand: strand)
      caller.append(contig: 0, start: 0, values: values)
      return caller.finish().map(\.position)
    }
    #expect(calls(values.reversed(), .minus) == calls(values, .plus).map { 299 - $0 }.reversed())
  }

  @Test("contigs do not suppress each other")
  func contigs() {
    var caller = SiteCaller(threshold: 0.1, strand: .plus)
    caller.append(contig: 0, start: 98, values: [0.5, 0.9])
    caller.append(contig: 1, start: 0, values: [0.8, 0.2])
    #expect(caller.finish().map(\.position) == [99, 0])
  }
}
