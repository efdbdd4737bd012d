internal import Engine

/// One score against its check: what both kinds of models share.
extension PassChecker {
  /// A score to be checked: of one target, with the target as a linear function of the outputs at the reference.
  struct Claim {
    let edit: Edit
    let score: Double
    let target: FrozenTarget
    let name: String
    let location: String
  }

  /// A target that is no linear function of the outputs.
  struct CurvedTarget {
    let change: (_ before: [[Float]], _ after: [[Float]]) -> Double
    /// Linear function with the target's derivatives at some outputs.
    let tangent: (_ outputs: [[Float]]) -> FrozenTarget
  }

  /// Compares exact ISM with a full pass.
  /// - Parameter curve: `nil` where the claim's linear function is the target.
  func checkISM(
    _ claim: Claim, _ survey: ReferenceSurvey, largest: Double, curve: CurvedTarget? = nil,
    into tally: inout CheckTally
  ) throws(AttributionError) {
    let after = outputs(after: claim.edit)
    let wanted =
      curve?.change(precise, after)
      ?? claim.target.value(of: after.map { $0[...] }) - claim.target.value(of: precise.map { $0[...] })
    let scale = max(largest, abs(claim.score), abs(wanted))
    var tolerance = editTolerance(survey, scale: scale, single: !propagates)
    let error = abs(claim.score - wanted)
    if error > tolerance {
      // A saturated reference hides roundings that the edit brings to light.
      let edited = surveyed(curve?.tangent(after) ?? claim.target, after: claim.edit)
      tolerance = max(tolerance, editTolerance(survey, edited, scale: scale, single: !propagates))
    }
    // At the foot of a root the tolerance is no number, and what is equal still agrees.
    guard error == 0 || error <= tolerance else {
      throw failure(.ism, claim, wanted, tolerance)
    }
    tally.ism.agreed(error: error, scale: scale, tolerance: tolerance)
  }

  /// Compares TISM with the slope along ever smaller edits. Where they disagree, decisions near a kink may explain it: the
  /// gradient is then left out and counted.
  func checkTISM(
    _ claim: Claim, slope: (value: Double, curvature: Double), largest: Double, into tally: inout CheckTally
  ) throws(AttributionError) {
    let scale = max(largest, abs(claim.score))
    let tolerance = slopeTolerance(scale: scale) + slope.curvature
    let error = abs(claim.score - slope.value)
    guard error <= tolerance else {
      // A sum over decisions by their slopes at the reference: twice that covers edits that move several of them.
      let doubt = slopeInDoubt(claim.edit, claim.target)
      guard error <= tolerance + 2 * doubt else {
        throw failure(.tism, claim, slope.value, tolerance)
      }
      tally.tism.kinks += 1
      return
    }
    tally.tism.agreed(error: error, scale: scale, tolerance: tolerance)
  }

  private func failure(_ method: CheckedMethod, _ claim: Claim, _ check: Double, _ tolerance: Double)
    -> AttributionError
  {
    .disagreement(
      CheckFailure(
        method: method, target: claim.name, location: claim.location, score: claim.score, check: check,
        tolerance: tolerance,
        usesDifferences: method == .ism ? propagates : slopeMethod == .differences))
  }
}

extension ReferenceSurvey {
  /// Largest magnitude of TISM over the known bases of a sequence.
  func largestScore(_ codes: ArraySlice<UInt8>) -> Double {
    var largest: Float = 0
    for (column, code) in codes.enumerated() where code < 4 {
      for base in 0..<4 { largest = max(largest, abs(gradient[column * 4 + base] - gradient[column * 4 + Int(code)])) }
    }
    return Double(largest)
  }
}
