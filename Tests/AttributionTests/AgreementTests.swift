import Attribution
import Glibc
import TestSupport
import Testing

@Suite("Agreement of two sets of scores")
struct AgreementTests {
  /// Correlated heavy-tailed numbers on a coarse grid, so that there are ties and zeros.
  static func scores(_ count: Int, seed: UInt64) -> [(Float, Float)] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      let a = random.floats(count: 3)
      let size: Float = a[0] * a[0] * a[0] * 40
      return (size.rounded(), (size * (1 + 0.5 * a[1]) + 3 * a[2]).rounded())
    }
  }

  private static func agreement(_ scores: [(Float, Float)], weights: [Double]? = nil) -> Agreement {
    var pairs = ScorePairs()
    for (index, score) in scores.enumerated() {
      pairs.beginUnit()
      pairs.append(score.0, score.1, weight: weights?[index] ?? 1)
    }
    return Agreement(pairs)
  }

  private static func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let n = Double(a.count)
    let (meanA, meanB) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
    let covariance = zip(a, b).reduce(0) { $0 + ($1.0 - meanA) * ($1.1 - meanB) }
    let (x, y) = (a.reduce(0) { $0 + ($1 - meanA) * ($1 - meanA) }, b.reduce(0) { $0 + ($1 - meanB) * ($1 - meanB) })
    return covariance / (x * y).squareRoot()
  }

  /// Average ranks by counting: how many are smaller, and half of those that are equal.
  private static func ranks(_ x: [Double]) -> [Double] {
    x.map { value in x.reduce(0) { $0 + ($1 < value ? 1 : $1 == value ? 0.5 : 0) } }
  }

  private static func measures(_ agreement: Agreement) -> [Double?] {
    [agreement.pearson, agreement.spearman, agreement.slope, agreement.signAgreement, agreement.topRecall].map {
      $0?.value
    }
  }

  @Test("the measures are those of their definitions, ties included", arguments: [2, 3, 50, 401])
  func definitions(count: Int) throws {
    let scores = Self.scores(count, seed: UInt64(count))
    let (a, b) = (scores.map { Double($0.0) }, scores.map { Double($0.1) })
    let found = Self.agreement(scores)
    #expect(found.pairs == count)
    let pearson = try #require(found.pearson), spearman = try #require(found.spearman)
    #expect(abs(pearson.value - Self.correlation(a, b)) < 1e-12)
    #expect(abs(spearman.value - Self.correlation(Self.ranks(a), Self.ranks(b))) < 1e-12)
    let products = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    let slope = try #require(found.slope)
    #expect(abs(slope.value - products / a.reduce(0) { $0 + $1 * $1 }) < 1e-12)
    func sign(_ x: Double) -> Int { x > 0 ? 1 : x < 0 ? -1 : 0 }
    let same = zip(a, b).reduce(0) { $0 + (sign($1.0) == sign($1.1) ? 1 : 0) }
    let agreeing = try #require(found.signAgreement)
    #expect(abs(agreeing.value - Double(same) / Double(count)) < 1e-12)
  }

  /// Without ties the top 1 % are two sets.
  @Test("recall of the largest 1 % counts those that both have", arguments: [UInt64(1), 2, 3])
  func recall(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let scores = (0..<2_000).map { _ -> (Float, Float) in
      let x = random.floats(count: 2)
      return (x[0] * x[0] * x[0], x[0] * x[0] * x[0] + 0.3 * x[1])
    }
    func top(_ values: [Float]) -> Set<Int> {
      Set(values.indices.sorted { abs(values[$0]) > abs(values[$1]) }.prefix(20))
    }
    let wanted = Double(top(scores.map(\.0)).intersection(top(scores.map(\.1))).count) / 20
    let found = try #require(Self.agreement(scores).topRecall)
    #expect(wanted > 0.1 && wanted < 1)
    #expect(abs(found.value - wanted) < 1e-12)
    let constant = try #require(Self.agreement(scores.map { (1, $0.1) }).topRecall)
    #expect(abs(constant.value - 0.01) < 1e-12, "a constant finds no more than chance does")
  }

  @Test("a share of all or none has the interval of its trials, whatever resampling shows", arguments: [true, false])
  func certainShares(all: Bool) throws {
    var pairs = ScorePairs()
    var random = SplitMix64(seed: 9)
    for number in 0..<40 {
      pairs.beginUnit()
      for score in random.floats(count: 25) {
        let second = score + (number == 0 ? 100 : 0)
        pairs.append(all ? second : -second, second)
      }
    }
    let sign = try #require(Agreement(pairs).signAgreement)
    #expect(sign.value == (all ? 1 : 0))
    #expect(all ? sign.low! > 0.85 && sign.high == 1 : sign.low == 0 && sign.high! < 0.15)
    let recall = try #require(Agreement(pairs).topRecall)
    #expect(recall.value == 1 && recall.high == 1 && recall.low! > 0)
  }

  @Test("a weight is that many equal pairs", arguments: [UInt64(4), 5])
  func weights(seed: UInt64) {
    let scores = Self.scores(200, seed: seed)
    var random = SplitMix64(seed: seed + 9)
    let counts = scores.map { _ in Int.random(in: 0...4, using: &random) }
    let repeated = zip(scores, counts).flatMap { Array(repeating: $0, count: $1) }
    let (a, b) = (Self.agreement(scores, weights: counts.map(Double.init)), Self.agreement(repeated))
    for (x, y) in zip(Self.measures(a), Self.measures(b)) { #expect(abs(x! - y!) < 1e-9) }
  }

  @Test("equal scores agree in everything; scale moves the slope alone, negation the sign")
  func invariance() {
    let scores = Self.scores(300, seed: 8)
    for value in Self.measures(Self.agreement(scores.map { ($0.0, $0.0) })) { #expect(abs(value! - 1) < 1e-12) }
    let plain = Self.measures(Self.agreement(scores))
    let scaled = Self.measures(Self.agreement(scores.map { ($0.0, $0.1 * 4) }))
    for index in [0, 1, 3, 4] { #expect(abs(scaled[index]! - plain[index]!) < 1e-12) }
    #expect(abs(scaled[2]! - 4 * plain[2]!) < 1e-9)
    let negated = Self.measures(Self.agreement(scores.map { (-$0.0, $0.1) }))
    for index in 0..<3 { #expect(abs(negated[index]! + plain[index]!) < 1e-9) }
    #expect(negated[4] == plain[4])
  }

  @Test("what is not defined is missing, never a number; absent scores are counted")
  func undefined() {
    let zeros = Self.agreement([(0, 1), (0, 2), (0, 3)])
    #expect(zeros.pearson == nil && zeros.spearman == nil && zeros.slope == nil)
    #expect(zeros.signAgreement?.value == 0)
    let none = Self.agreement([])
    #expect(none.signAgreement == nil && none.topRecall == nil)
    var pairs = ScorePairs()
    pairs.beginUnit()
    pairs.append(.nan, 1)
    pairs.append(1, .nan)
    pairs.append(1, 2)
    #expect(pairs.absent == 2 && pairs.count == 1)
    let single = Agreement(pairs)
    #expect(single.slope?.value == 2 && single.slope?.low == nil && single.pearson == nil)
  }

  /// A population in which few scores are large, sampled as an audit does: by strata of the first score's size.
  @Test("95 % intervals of stratified samples cover the truth about that often; of everything they are the value")
  func coverage() throws {
    var random = SplitMix64(seed: 77)
    let population = (0..<20_000).map { _ -> (Float, Float) in
      let x = random.floats(count: 3)
      let size: Float = x[0] * x[0] * x[0] * x[0] * x[0]
      return (size, size * (1 + 0.6 * x[1]) + 0.1 * x[2] * x[2] * x[2])
    }.sorted { abs($0.0) > abs($1.0) }
    let edges = [0, 200, 2_000, 20_000]
    func sample(_ count: Int) -> Agreement {
      var pairs = ScorePairs(
        strata: zip(edges, edges.dropFirst()).map {
          ScorePairs.Stratum(drawn: min(1, Double(count) / Double($1 - $0)))
        })
      for (stratum, (first, end)) in zip(edges, edges.dropFirst()).enumerated() {
        let taken = min(count, end - first)
        for index in (first..<end).shuffled(using: &random).prefix(taken) {
          pairs.beginUnit(stratum: stratum)
          pairs.append(population[index].0, population[index].1, weight: Double(end - first) / Double(taken))
        }
      }
      return Agreement(pairs)
    }
    let all = sample(.max)
    let truth = Self.measures(all)
    for (value, wanted) in zip(Self.measures(Self.agreement(population)), truth) {
      #expect(abs(value! - wanted!) < 1e-9)
    }
    #expect(all.pearson?.low == all.pearson?.value && all.topRecall?.high == all.topRecall?.value)

    var covered = [0, 0, 0, 0, 0]
    for _ in 0..<100 {
      let found = sample(150)
      let estimates = [found.pearson, found.spearman, found.slope, found.signAgreement, found.topRecall]
      for (index, estimate) in estimates.enumerated()
      where estimate!.low! <= truth[index]! && truth[index]! <= estimate!.high! {
        covered[index] += 1
      }
    }
    // Of 100 intervals of 95 %, fewer than 88 or all of them for every measure would be no chance.
    for count in covered { #expect(count >= 88, "\(covered)") }
    #expect(covered.reduce(0, +) < 500, "\(covered)")
  }
}
