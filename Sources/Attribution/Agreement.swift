internal import Glibc

/// How well the first scores of a set of pairs stand for the second ones: five measures with 95 % intervals.
/// Formulas are in `docs/formats.md`.
public struct Agreement: Hashable, Sendable, Codable {
  /// A measure and its 95 % interval, which is missing where the sample is too small to give one.
  public struct Estimate: Hashable, Sendable, Codable {
    public let value: Double
    public let low: Double?
    public let high: Double?
  }

  /// Pairs compared.
  public let pairs: Int
  public let pearson: Estimate?
  /// Pearson's correlation of average ranks.
  public let spearman: Estimate?
  /// Of the second scores on the first, through the origin.
  public let slope: Estimate?
  /// Share of the pairs that have the same sign; zero is a sign of its own.
  public let signAgreement: Estimate?
  /// Which share of the 1 % largest second scores (by magnitude) are among the 1 % largest first ones.
  public let topRecall: Estimate?

  /// Resamplings that the intervals are made of.
  private static let resamplings = 200

  public init(_ pairs: ScorePairs) {
    self.pairs = pairs.count
    let measures = AgreementMeasures(pairs)
    let found = measures.values(weights: pairs.weights)
    var resampler = Resampler(pairs)
    let others = resampler.canDraw ? (0..<Self.resamplings).map { _ in measures.values(weights: resampler.next()) } : []
    let isExhaustive = resampler.isExhaustive

    /// Spread over the resamplings; `nil` when nothing can be said.
    func spread(_ measure: (AgreementMeasures.Values) -> Double?) -> Double? {
      if isExhaustive { return 0 }
      let values = others.compactMap(measure)
      guard values.count > Self.resamplings / 2 else { return nil }
      let mean = values.reduce(0, +) / Double(values.count)
      return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }
    func estimate(_ value: Double?, within interval: (Double) -> (low: Double, high: Double)?) -> Estimate? {
      value.map { value in
        let (low, high) = isExhaustive ? (value, value) : interval(value) ?? (.nan, .nan)
        return Estimate(value: value, low: low.isFinite ? low : nil, high: high.isFinite ? high : nil)
      }
    }
    /// On Fisher's scale the spread of a correlation is nearly normal.
    func correlation(_ measure: (AgreementMeasures.Values) -> Double?) -> Estimate? {
      estimate(measure(found)) { value in
        spread { measure($0).map(Self.fisher) }.map {
          let centre = Self.fisher(value)
          return (min(value, tanh(centre - Self.quantile * $0)), max(value, tanh(centre + Self.quantile * $0)))
        }
      }
    }
    /// Wilson's interval for as many trials as have the spread that was found, and no more than `count`.
    func share(count: Double, _ measure: (AgreementMeasures.Values) -> Double?) -> Estimate? {
      estimate(measure(found)) { value in
        spread(measure).map {
          // Of none or all of few trials resampling shows no spread to count them by.
          let variance = value * (1 - value)
          let trials = $0 > 0 && variance > 0 ? min(count, variance / ($0 * $0)) : count
          let (low, high) = Self.wilson(value, trials: trials)
          return (min(value, low), max(value, high))
        }
      }
    }
    pearson = correlation(\.pearson)
    spearman = correlation(\.spearman)
    slope = estimate(found.slope) { value in
      spread(\.slope).map { (value - Self.quantile * $0, value + Self.quantile * $0) }
    }
    signAgreement = share(count: pairs.effectiveUnits(pairs.weights), \.sign)
    // Few heavy pairs among the largest: how many there are bounds what is known, whatever resampling them shows.
    topRecall = share(count: found.topCount, \.topRecall)
  }

  /// Two-sided 95 % of the normal distribution.
  private static let quantile = 1.959963984540054

  private static func fisher(_ correlation: Double) -> Double {
    let bounded = min(1 - 1e-15, max(-1 + 1e-15, correlation))
    return atanh(bounded)
  }

  private static func wilson(_ share: Double, trials: Double) -> (low: Double, high: Double) {
    let z = quantile * quantile
    guard trials > 0 else { return (0, 1) }
    let centre = (share + z / (2 * trials)) / (1 + z / trials)
    let half = (z * (share * (1 - share) / trials + z / (4 * trials * trials))).squareRoot() / (1 + z / trials)
    return (max(0, centre - half), min(1, centre + half))
  }
}

/// Weights of resampled pairs: the rescaled bootstrap of Rao and Wu (1988) for samples drawn without replacement in
/// strata. Of `n` units of a stratum `n - 1` are drawn again with replacement; the more of the stratum's units the sample
/// holds, the less the weights move.
private struct Resampler {
  private let pairs: ScorePairs
  private let unitsOfStratum: [[Int]]
  private var random = SeededGenerator(seed: 0x7469_736D)

  init(_ pairs: ScorePairs) {
    self.pairs = pairs
    var units = pairs.strata.map { _ in [Int]() }
    for (unit, stratum) in pairs.unitStrata.enumerated() { units[stratum].append(unit) }
    unitsOfStratum = units
  }

  /// True when no other sample could have been drawn.
  var isExhaustive: Bool { pairs.strata.allSatisfy { $0.drawn >= 1 } }

  /// True when every stratum has units enough to show how they vary.
  var canDraw: Bool { zip(pairs.strata, unitsOfStratum).allSatisfy { $0.drawn >= 1 || $1.count > 1 } }

  mutating func next() -> [Double] {
    var factors = [Double](repeating: 1, count: pairs.unitStrata.count)
    for (stratum, units) in zip(pairs.strata, unitsOfStratum) where units.count > 1 && stratum.drawn < 1 {
      var draws = [Int](repeating: 0, count: units.count)
      for _ in 1..<units.count { draws[Int.random(in: 0..<units.count, using: &random)] += 1 }
      let move = (1 - stratum.drawn).squareRoot()
      let scale = Double(units.count) / Double(units.count - 1)
      for (unit, count) in zip(units, draws) { factors[unit] = 1 - move + move * scale * Double(count) }
    }
    return pairs.weights.indices.map { pairs.weights[$0] * factors[pairs.units[$0]] }
  }
}
