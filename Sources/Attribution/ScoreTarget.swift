/// One number made from a model's outputs: the `f(x)` whose change is scored.
///
/// The text forms are those of the command line; `description` prints what `init(parsing:)` reads. Indices are flat,
/// row-major, without the batch axis; ranges are half-open.
public indirect enum ScoreTarget: Hashable, Sendable {
  /// `OUT:IDX`: one entry.
  case entry(OutputReference, Int)
  /// `OUT:A-B`: the sum of entries `A..<B`.
  case sum(OutputReference, Range<Int>)
  /// `OUT:sum`: the sum of all entries.
  case total(OutputReference)
  /// `OUT:A-B:profile`: `sum over k of p_k (z_k - mean z)`, `p = softmax(z)` frozen at the reference; the profile score
  /// of BPNet and ChromBPNet.
  case profile(OutputReference, Range<Int>)
  /// `T1 - T2`.
  case difference(ScoreTarget, ScoreTarget)
  /// A target of per-position models.
  case position(PositionTarget)
}

/// Which output of a model: its 0-based number, or its name in the model file.
public enum OutputReference: Hashable, Sendable, CustomStringConvertible {
  case number(Int)
  case name(String)

  public var description: String {
    switch self {
    case .number(let number): "\(number)"
    case .name(let name):
      name.contains(where: { ":-\" '".contains($0) }) || Int(name) != nil || name.isEmpty
        ? name.contains("\"") ? "'\(name)'" : "\"\(name)\""
        : name
    }
  }
}

/// What is summed over the outputs `F` of a per-position model that an edit can reach; `w = sigmoid(F)` at the reference,
/// held fixed.
public enum PositionTarget: String, CaseIterable, Hashable, Sendable, Codable {
  /// `sum of w F`: the effect on the sites that are there.
  case weighted
  /// `weighted` divided by `sum of w`; absent where that sum is under 0.02.
  case weightedMean = "weighted-mean"
  /// `sum of sigmoid(F)`: the expected number of sites.
  case probability
  /// `sum of F`.
  case logit

  /// Smallest sum of weights for which ``weightedMean`` is given.
  public static let smallestWeight = 0.02
}

extension ScoreTarget: CustomStringConvertible {
  public var description: String {
    switch self {
    case .entry(let output, let index): "\(output):\(index)"
    case .sum(let output, let range): "\(output):\(range.lowerBound)-\(range.upperBound)"
    case .total(let output): "\(output):sum"
    case .profile(let output, let range): "\(output):\(range.lowerBound)-\(range.upperBound):profile"
    case .difference(let left, let right): "\(left) - \(right)"
    case .position(let target): target.rawValue
    }
  }
}
