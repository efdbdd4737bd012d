import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Window placement")
struct WindowPlacementTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let contig, length, step: Int
    var testDescription: String { "contig \(contig) window \(length) step \(step)" }
  }

  static let cases: [Case] = [1, 9, 10, 11, 37, 100, 101].flatMap { contig in
    [(10, 5), (10, 1), (10, 10), (7, 3), (1, 1)].map { Case(contig: contig, length: $0.0, step: $0.1) }
  }

  @Test(
    "every base is in exactly one grid window, whose centre is nearest, the upstream one among equals", arguments: cases
  )
  func grid(_ c: Case) {
    let placement = WindowPlacement(gridOn: c.contig, length: c.length, step: c.step)
    let pieces = placement.pieces(covering: 0..<c.contig)
    #expect(pieces.flatMap { Array($0.bases) } == Array(0..<c.contig))
    var starts = Array(stride(from: 0, through: max(0, c.contig - c.length), by: c.step))
    if starts.last! + c.length < c.contig { starts.append(c.contig - c.length) }
    for piece in pieces {
      #expect(piece.window >= 0 && (piece.window + c.length <= c.contig || piece.window == 0))
      for base in piece.bases {
        // Twice the distance between the middles of base and window.
        let best = starts.map { abs(2 * base + 1 - (2 * $0 + c.length)) }.min()!
        let nearest = starts.first { abs(2 * base + 1 - (2 * $0 + c.length)) == best }
        #expect(piece.window == nearest, "base \(base)")
      }
    }
  }

  @Test("asking for a part gives the same pieces, cut", arguments: cases)
  func parts(_ c: Case) {
    let placement = WindowPlacement(gridOn: c.contig, length: c.length, step: c.step)
    var owner: [Int: Int] = [:]
    for piece in placement.pieces(covering: 0..<c.contig) { for base in piece.bases { owner[base] = piece.window } }
    for start in stride(from: 0, to: c.contig, by: 3) {
      let part = start..<min(c.contig, start + 17)
      let pieces = placement.pieces(covering: part)
      #expect(pieces.flatMap { Array($0.bases) } == Array(part))
      #expect(pieces.allSatisfy { piece in piece.bases.allSatisfy { owner[$0] == piece.window } })
    }
  }

  @Test("overlapping region windows follow their rule", arguments: 0..<30 as Range<UInt64>)
  func overlaps(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let starts = (0..<12).map { _ in Int.random(in: -6..<95, using: &random) }
    let length = 10
    func covering(_ base: Int) -> [Int] { starts.indices.filter { starts[$0] <= base && base < starts[$0] + length } }
    for rule in OverlapRule.allCases {
      let placement = WindowPlacement(starts: starts, length: length, contigLength: 100, overlap: rule)
      var owners = [Int: [Int]]()
      for piece in placement.pieces(covering: 0..<100) {
        for base in piece.bases { owners[base, default: []].append(piece.window) }
      }
      #expect(placement.covered.flatMap { Array($0) } == (0..<100).filter { !covering($0).isEmpty })
      for base in 0..<100 where !covering(base).isEmpty {
        let windows = covering(base).map { starts[$0] }
        let expected: [Int] =
          switch rule {
          case .mean: Set(windows).sorted()
          case .first: [starts[covering(base).min()!]]
          case .central:
            [windows.sorted().min { abs(2 * base + 1 - 2 * $0 - length) < abs(2 * base + 1 - 2 * $1 - length) }!]
          }
        #expect(owners[base] == expected, "\(rule) at \(base)")
      }
      for base in 0..<100 where covering(base).isEmpty { #expect(owners[base] == nil) }
    }
  }
}
