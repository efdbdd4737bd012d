import Attribution
import TestSupport
import Testing

/// Golden conventions of the field, papers.md B.1: one formula each, and the factors between them.
@Suite("Reductions and maps")
struct ReductionTests {
  static let reference: [UInt8] = [0, 1, 2, 3, 4, 2]

  /// Random scores as a scorer gives them: 0 at the reference base, zero columns at unknown bases.
  static func scores(seed: UInt64) -> (scores: SubstitutionScores, gradient: [Float]) {
    var random = SplitMix64(seed: seed)
    let gradient = random.floats(count: reference.count * 4)
    return (SubstitutionScores(gradient: gradient, reference: reference), gradient)
  }

  @Test("TISM is the gradient minus the gradient at the reference base", arguments: 0..<5 as Range<UInt64>)
  func tism(seed: UInt64) {
    let (scores, gradient) = Self.scores(seed: seed)
    for (column, code) in Self.reference.enumerated() {
      for base in 0..<4 {
        let expected = code < 4 ? gradient[column * 4 + base] - gradient[column * 4 + Int(code)] : 0
        #expect(scores[base, column] == expected)
      }
    }
  }

  @Test("importance = 4/3 contribution = minus the mean alternate; corrected(TISM) = corrected gradient")
  func identities() throws {
    let (scores, gradient) = Self.scores(seed: 7)
    let corrected = scores.corrected
    for (column, code) in Self.reference.enumerated() where code < 4 {
      let s = try #require(scores.alternates(at: column, reference: code))
      let importance = Double(Reduction.importance.value(s)!)
      let contribution = Double(Reduction.contribution.value(s)!)
      #expect(abs(importance - 4 / 3 * contribution) < 1e-6)
      // tangermeme's attribution at the reference base: minus the mean of all four.
      #expect(abs(contribution - Double(corrected[Int(code), column])) < 1e-6)
      let mean = (0..<4).reduce(0.0) { $0 + Double(gradient[column * 4 + $1]) } / 4
      for base in 0..<4 {
        #expect(abs(Double(corrected[base, column]) - (Double(gradient[column * 4 + base]) - mean)) < 1e-6)
      }
    }
  }

  @Test("each formula on numbers worked out by hand")
  func golden() {
    let s = Alternates(3, -4, 0)
    #expect(Reduction.importance.value(s) == Float(1.0 / 3))
    #expect(Reduction.contribution.value(s) == 0.25)
    #expect(Reduction.strongest.value(s) == -4)
    #expect(Reduction.strongest.value(Alternates(2, -2, 1)) == 2)
    #expect(Reduction.l2.value(s) == 5)
    #expect(Reduction.gain.value(s) == 3)
    #expect(Reduction.loss.value(s) == -4)
    #expect(Reduction.gain.value(Alternates(-1, -2, -3)) == 0)
    #expect(Reduction.loss.value(Alternates(1, 2, 3)) == 0)
    #expect(Reduction.alt.value(s) == nil && Reduction.newSite.value(s) == nil)
  }

  @Test("alternates leave the reference base out, in A C G T order")
  func alternates() {
    let scores = SubstitutionScores(length: 4, values: (0..<16).map { Float($0) })
    #expect(
      (0..<4).map { scores.alternates(at: $0, reference: UInt8($0)) } == [
        Alternates(4, 8, 12), Alternates(1, 9, 13), Alternates(2, 6, 14), Alternates(3, 7, 11),
      ])
    #expect(scores.alternates(at: 0, reference: 4) == nil)
  }

  @Test("seen from the other strand: columns reversed, bases complemented, signs kept")
  func reverseComplement() {
    let scores = SubstitutionScores(length: 3, values: (0..<12).map { Float($0) })
    for base in 0..<4 {
      for column in 0..<3 { #expect(scores.reverseComplement[base, column] == scores[3 - base, 2 - column]) }
    }
  }
}
