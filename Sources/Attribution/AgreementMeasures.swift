/// The measures of agreement of a set of pairs for any weights of theirs. Everything that needs sorting is done once.
struct AgreementMeasures {
  /// The measures, `nil` where they are not defined: a constant has no correlation, zeros have no slope.
  struct Values {
    var pearson, spearman, slope, sign, topRecall: Double?
    /// Effective number of the units with pairs that ``topRecall`` is a share of.
    var topCount = 0.0
  }

  /// Elements in ascending order of a key, with where each run of equal keys ends.
  private struct Order {
    let elements: [Int]
    let ends: [Int]

    init(_ keys: [Double]) {
      // Equal keys in order of their index, so that equal pairs give equal sums.
      let elements = keys.indices.sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
      self.elements = elements
      ends = elements.indices.filter { $0 + 1 == elements.count || keys[elements[$0 + 1]] != keys[elements[$0]] }
        .map { $0 + 1 }
    }

    /// Average ranks: the weight below plus half that of the equal ones.
    func ranks(_ weights: [Double]) -> [Double] {
      var ranks = [Double](repeating: 0, count: elements.count)
      var (start, below) = (0, 0.0)
      for end in ends {
        var own = 0.0
        for index in start..<end { own += weights[elements[index]] }
        for index in start..<end { ranks[elements[index]] = below + own / 2 }
        (start, below) = (end, below + own)
      }
      return ranks
    }

    /// How much of each element belongs to the largest `share` of all weight; equal ones share what is left alike.
    func top(_ share: Double, _ weights: [Double]) -> [Double] {
      var membership = [Double](repeating: 0, count: elements.count)
      var left = share * weights.reduce(0, +)
      for run in ends.indices.reversed() where left > 0 {
        let range = (run == 0 ? 0 : ends[run - 1])..<ends[run]
        var own = 0.0
        for index in range { own += weights[elements[index]] }
        guard own > 0 else { continue }
        let part = min(1, left / own)
        for index in range { membership[elements[index]] = part }
        left -= own
      }
      return membership
    }
  }

  private let pairs: ScorePairs
  private let first, second, firstSize, secondSize: Order
  /// Of the largest effects.
  static let topShare = 0.01

  init(_ pairs: ScorePairs) {
    self.pairs = pairs
    first = Order(pairs.first)
    second = Order(pairs.second)
    firstSize = Order(pairs.first.map(abs))
    secondSize = Order(pairs.second.map(abs))
  }

  func values(weights: [Double]) -> Values {
    var values = Values()
    let (a, b) = (pairs.first, pairs.second)
    values.pearson = Self.correlation(a, b, weights)
    values.spearman = Self.correlation(first.ranks(weights), second.ranks(weights), weights)
    var (products, squares, same, total) = (0.0, 0.0, 0.0, 0.0)
    for index in a.indices {
      products += weights[index] * a[index] * b[index]
      squares += weights[index] * a[index] * a[index]
      total += weights[index]
      if (a[index] > 0) == (b[index] > 0), (a[index] < 0) == (b[index] < 0) { same += weights[index] }
    }
    if squares > 0 { values.slope = products / squares }
    if total > 0 { values.sign = same / total }
    let (inFirst, inSecond) = (firstSize.top(Self.topShare, weights), secondSize.top(Self.topShare, weights))
    let wanted = zip(weights, inSecond).map { $0 * $1 }
    let shared = a.indices.reduce(0) { $0 + weights[$1] * min(inFirst[$1], inSecond[$1]) }
    let sum = wanted.reduce(0, +)
    if sum > 0 {
      values.topRecall = shared / sum
      values.topCount = pairs.effectiveUnits(wanted)
    }
    return values
  }

  private static func correlation(_ a: [Double], _ b: [Double], _ weights: [Double]) -> Double? {
    var (total, meanA, meanB) = (0.0, 0.0, 0.0)
    for index in a.indices {
      total += weights[index]
      meanA += weights[index] * a[index]
      meanB += weights[index] * b[index]
    }
    guard total > 0 else { return nil }
    (meanA, meanB) = (meanA / total, meanB / total)
    var (squaresA, squaresB, products) = (0.0, 0.0, 0.0)
    for index in a.indices {
      let (x, y) = (a[index] - meanA, b[index] - meanB)
      squaresA += weights[index] * x * x
      squaresB += weights[index] * y * y
      products += weights[index] * x * y
    }
    // What is left of a constant after rounding is no spread.
    guard squaresA > 1e-24 * total * meanA * meanA, squaresB > 1e-24 * total * meanB * meanB else { return nil }
    return min(1, max(-1, products / (squaresA * squaresB).squareRoot()))
  }
}
