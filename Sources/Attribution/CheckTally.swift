/// What checks of scores against independent ways found; tallies of the parts of a run add up.
public struct CheckTally: Codable, Sendable, Equatable {
  /// Scores of one method.
  public struct Part: Codable, Sendable, Equatable {
    /// Scores (edits times targets) that were computed again and agreed.
    public var scores = 0
    /// Gradients left out because a decision within rounding of a kink leaves their value open.
    public var kinks = 0
    /// In units of the target.
    public var largestError = 0.0
    /// Over the largest magnitude of the target's scores in the same window.
    public var largestRelativeError = 0.0
    /// Over what rounding explains; a check fails above 1.
    public var largestShareOfTolerance = 0.0

    mutating func add(_ other: Part) {
      scores += other.scores
      kinks += other.kinks
      largestError = max(largestError, other.largestError)
      largestRelativeError = max(largestRelativeError, other.largestRelativeError)
      largestShareOfTolerance = max(largestShareOfTolerance, other.largestShareOfTolerance)
    }

    mutating func agreed(error: Double, scale: Double, tolerance: Double) {
      scores += 1
      largestError = max(largestError, error)
      if scale > 0 { largestRelativeError = max(largestRelativeError, error / scale) }
      if tolerance > 0 { largestShareOfTolerance = max(largestShareOfTolerance, error / tolerance) }
    }
  }

  public var ism = Part()
  public var tism = Part()

  public init() {}

  public mutating func add(_ other: CheckTally) {
    ism.add(other.ism)
    tism.add(other.tism)
  }
}

/// Which scores are checked.
public enum CheckedMethod: Sendable {
  /// Exact ISM against full passes with sums in float64.
  case ism
  /// TISM against ever smaller edits.
  case tism
}

/// A score that differs from its check by more than rounding explains.
public struct CheckFailure: Equatable, Sendable, CustomStringConvertible {
  public let method: CheckedMethod
  public let target: String
  /// Window, position and substitution.
  public let location: String
  public let score: Double
  public let check: Double
  public let tolerance: Double
  /// True when differences were propagated for the score or its check, which `--engine naive` replaces.
  public let usesDifferences: Bool

  public var description: String {
    let (what, how) =
      switch method {
      case .ism: ("ISM", "by full passes")
      case .tism:
        ("TISM", "from ever smaller edits by " + (usesDifferences ? "difference propagation" : "float64 evaluation"))
      }
    let numbers = "\(score), but \(check) \(how); rounding explains \(tolerance)"
    let cure =
      usesDifferences ? "score with --engine naive, and " : method == .tism ? "score with --method ism, and " : ""
    return
      "\(what) of target '\(target)' at \(location) is \(numbers): the engine does not compute this model correctly; "
      + "\(cure)please report the model (tismscan inspect --json says what it is made of)"
  }
}
