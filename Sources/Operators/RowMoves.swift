internal import NetworkGraph
internal import Tensors

/// An operator that moves rows of channels, `[batch, rows, channels]` to `[batch, rows', channels']`, and takes differences along:
/// slices, padding, picked and repeated rows.
struct CompiledRowMoves: DifferenceOperator {
  let copies: CompiledCopies
  let input: Shape
  /// The input row of each output row; `nil` where something else is filled in.
  let rows: [Int?]
  /// The input channel of each output channel.
  let columns: [Int?]
  /// The first column, where those picked are neighbours.
  private let firstColumn: Int?

  init(_ copies: CompiledCopies, input: Shape, rows: [Int?], columns: [Int?]) {
    self.copies = copies
    self.input = input
    self.rows = rows
    self.columns = columns
    let first = columns.first ?? nil
    firstColumn = columns.indices.allSatisfy { first != nil && columns[$0] == first! + $0 } ? first : nil
  }

  var multiplyAdds: Int { 0 }
  func forward(_ call: ForwardCall) { copies.forward(call) }
  func backward(_ call: BackwardCall) { copies.backward(call) }

  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    copies.hasDifferenceRule(inputs: inputs, output: output)
      || (input[0] == 1 && inputs[0]!.rows == input[1] && inputs[0]!.rowSize == input[2]
        && output.rows == rows.count && output.rowSize == columns.count)
  }

  /// A kept row of the result that comes from no kept row of the input does not change.
  func difference(_ call: DifferenceCall) {
    let (from, to) = (call.inputs[0]!, call.output)
    guard !copies.hasDifferenceRule(inputs: [from.layout], output: to.layout) else { return copies.difference(call) }
    for edit in 0..<to.edits {
      let (inside, first) = (from.inside(edit), from.starts[edit])
      for row in to.inside(edit) {
        let y = to.rows(of: edit) + row * columns.count
        guard let source = rows[to.starts[edit] + row], inside.contains(source - first) else {
          y.update(repeating: 0, count: columns.count)
          continue
        }
        let x = from.rows(of: edit) + (source - first) * input[2]
        if let firstColumn {
          y.update(from: x + firstColumn, count: columns.count)
        } else {
          for (column, source) in columns.enumerated() { y[column] = source.map { x[$0] } ?? 0 }
        }
      }
    }
    to.clearOutside()
  }
}
