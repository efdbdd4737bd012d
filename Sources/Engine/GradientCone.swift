internal import NetworkGraph
internal import Tensors

/// The rows of each value's gradient that reach wanted columns of the input, as far as operators slide over rows. A backward
/// pass that leaves out all others gives the wanted columns the same bits: they are the same chains.
struct GradientCone {
  /// What a step leaves out rows of; `nil` for one that runs in full.
  let operators: [(any SlidingOperator)?]
  /// Rows by value; `nil` where every row is computed.
  let rows: [Range<Int>?]

  init(_ program: Program, columns: Range<Int>) {
    let graph = program.graph
    var rows = [Range<Int>?](repeating: nil, count: graph.values.count)
    rows[graph.input] = columns
    operators = program.steps.map { step in
      let data = step.inputs.filter { program.constants[$0] == nil }
      let shape = graph.values[step.outputs[0]].shape
      guard let op = step.op as? any SlidingOperator, step.outputs.count == 1, shape.rank == 3,
        shape[0] == graph.batch, data.allSatisfy({ rows[$0] != nil }),
        op.slides(inputs: step.inputs.map { data.contains($0) ? graph.values[$0].shape : nil }, output: shape)
      else { return nil }
      let reached = data.map { Self.rows(of: op, reading: rows[$0]!, among: shape[1]) }
      guard let low = reached.map(\.lowerBound).min(), let high = reached.map(\.upperBound).max(), low < high,
        data.contains(where: { rows[$0]!.count < graph.values[$0].shape[1] })
      else { return nil }
      rows[step.outputs[0]] = low..<high
      return op
    }
    self.rows = rows
  }

  /// The rows of a result that read any of `rows`.
  private static func rows(of op: any SlidingOperator, reading rows: Range<Int>, among count: Int) -> Range<Int> {
    // Row t reads first + t * stride ..< end + t * stride.
    let first = op.rowsRead(by: 0..<1)
    func roundedUp(_ a: Int) -> Int { a <= 0 ? 0 : (a + op.rowStride - 1) / op.rowStride }
    let low = min(count, roundedUp(rows.lowerBound + 1 - first.upperBound))
    return low..<max(low, min(count, roundedUp(rows.upperBound - first.lowerBound)))
  }
}

extension Program {
  /// Multiply-adds of the gradient in some columns, for one sequence: as many as those of the forward pass where nothing is
  /// left out.
  public func multiplyAdds(ofGradientIn columns: Range<Int>) -> Int {
    let cone = GradientCone(self, columns: columns)
    return zip(steps, cone.operators).reduce(0) { sum, pair in
      let (step, op) = pair
      guard op != nil, let rows = cone.rows[step.outputs[0]] else { return sum + step.op.multiplyAdds }
      return sum + step.op.multiplyAdds * rows.count / graph.values[step.outputs[0]].shape[1]
    } / graph.batch
  }
}
