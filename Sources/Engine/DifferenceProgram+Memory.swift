internal import NetworkGraph

extension DifferenceProgram {
  /// Bytes that one session holds, at most: its reference, what rules keep of it, the differences of a batch of edits, and
  /// full passes where rules may doubt what they find.
  public var sessionBytes: Int {
    let rules = program.steps.indices.compactMap { rule(of: $0) }
    let differences = layouts.reduce(0) { $0 + ($1?.count ?? 0) * batch }
    let states = rules.reduce(0) { $0 + $1.differenceStateCount }
    let scratch = rules.map(\.differenceScratchCount).max() ?? 0
    let passes = program.sessionBytes(for: .reference) * (rules.contains(where: \.mayDoubt) ? 2 : 1)
    return passes + (differences + states + scratch + widenedCount) * MemoryLayout<Float>.stride
  }

  /// Floats of the inputs that a step gets laid out anew, of a batch of edits, at most.
  var widenedCount: Int {
    program.steps.indices.reduce(0) { max($0, widenedCount(of: $1) * batch) }
  }
}
