internal import NetworkGraph

extension DifferenceProgram {
  /// Bytes that one session holds, at most: its reference, what rules keep of it, and the differences of a batch of edits.
  public var sessionBytes: Int {
    let rules = program.steps.indices.compactMap { rule(of: $0) }
    let differences = layouts.reduce(0) { $0 + ($1?.count ?? 0) * batch }
    let states = rules.reduce(0) { $0 + $1.differenceStateCount }
    let scratch = rules.map(\.differenceScratchCount).max() ?? 0
    return program.sessionBytes(for: .reference) + (differences + states + scratch) * MemoryLayout<Float>.stride
  }
}
