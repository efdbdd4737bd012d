/// Scores that two methods give the same edits, with how the edits were drawn.
///
/// Pairs are drawn in units (a base with its three alternates, a whole sequence); units in strata. A pair's weight is the
/// inverse of its unit's probability of being drawn, so that weighted sums estimate those over every edit of the run.
public struct ScorePairs: Sendable {
  /// A group of units drawn alike.
  public struct Stratum: Hashable, Sendable {
    /// The share of its units that was drawn, 0 when they stand for an endless supply, 1 when all of them are here.
    public let drawn: Double

    public init(drawn: Double) {
      precondition(0...1 ~= drawn, "a share of \(drawn)")
      self.drawn = drawn
    }
  }

  /// Scores by the method that is judged, for example TISM.
  public private(set) var first: [Double] = []
  /// Scores by the method it is judged against, for example exact ISM.
  public private(set) var second: [Double] = []
  public private(set) var weights: [Double] = []
  /// Number of each pair's unit, ascending.
  public private(set) var units: [Int] = []
  /// Index into ``strata`` of each unit.
  public private(set) var unitStrata: [Int] = []
  public let strata: [Stratum]
  /// Pairs left out because a score is absent (NaN).
  public private(set) var absent = 0

  public init(strata: [Stratum] = [Stratum(drawn: 0)]) { self.strata = strata }

  public var count: Int { first.count }

  /// Effective number (Kish) of the units that carry some weights of the pairs: pairs of a unit are no independent draws.
  func effectiveUnits(_ weights: [Double]) -> Double {
    var own = [Double](repeating: 0, count: unitStrata.count)
    for (unit, weight) in zip(units, weights) { own[unit] += weight }
    let (sum, squares) = own.reduce(into: (0.0, 0.0)) { $0 = ($0.0 + $1, $0.1 + $1 * $1) }
    return squares > 0 ? sum * sum / squares : 0
  }

  /// Starts a unit; the pairs appended next are its own.
  public mutating func beginUnit(stratum: Int = 0) {
    precondition(strata.indices.contains(stratum), "no stratum \(stratum)")
    unitStrata.append(stratum)
  }

  /// Adds a pair to the current unit, unless one of its scores is absent.
  public mutating func append(_ first: Float, _ second: Float, weight: Double = 1) {
    guard !first.isNaN, !second.isNaN else {
      absent += 1
      return
    }
    self.first.append(Double(first))
    self.second.append(Double(second))
    weights.append(weight)
    units.append(unitStrata.count - 1)
  }
}
