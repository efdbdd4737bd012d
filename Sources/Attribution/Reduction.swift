internal import Genomics

/// A formula that turns the scores `S` of a base's three alternates into what a track shows. Each is defined here and
/// nowhere else; `docs/formats.md` prints the same formulas.
public enum Reduction: String, CaseIterable, Hashable, Sendable, Codable {
  /// `-(sum over the alternates of S) / 3`: how much the base matters for the score, on average over what could replace it.
  case importance
  /// `-(sum over the alternates of S) / 4`: the corrected gradient (TISM) or centred ISM at the reference base.
  case contribution
  /// The signed score of largest magnitude; the first in A C G T order among equals.
  case strongest
  /// `sqrt(sum of S^2)`.
  case l2
  /// `max(0, largest S)`.
  case gain
  /// `min(0, smallest S)`.
  case loss
  /// The score itself: one track for each alternate base, absent where it is the reference.
  case alt
  /// ISM of per-position models: the largest `sigmoid(F') - sigmoid(F)` over alternates and reached outputs.
  case newSite = "new-site"

  /// The value for one base; `nil` for ``alt`` and ``newSite``, which are not functions of the three scores alone.
  public func value(_ s: Alternates) -> Float? {
    let (a, b, c) = (Double(s.first), Double(s.second), Double(s.third))
    switch self {
    case .importance: return Float(-(a + b + c) / 3)
    case .contribution: return Float(-(a + b + c) / 4)
    case .strongest:
      var result = s.first
      for candidate in [s.second, s.third] where candidate.magnitude > result.magnitude { result = candidate }
      return result
    case .l2: return Float((a * a + b * b + c * c).squareRoot())
    case .gain: return max(0, s.first, s.second, s.third)
    case .loss: return min(0, s.first, s.second, s.third)
    case .alt, .newSite: return nil
    }
  }

  /// The formula in words, for long labels and the run record.
  public var formula: String {
    switch self {
    case .importance: "-sum(S)/3 over the three alternates"
    case .contribution: "-sum(S)/4 over the three alternates"
    case .strongest: "signed S of largest magnitude"
    case .l2: "sqrt(sum(S^2)) over the three alternates"
    case .gain: "max(0, max S)"
    case .loss: "min(0, min S)"
    case .alt: "S of one alternate base"
    case .newSite: "max of sigmoid(F')-sigmoid(F) over alternates and reached outputs"
    }
  }
}
