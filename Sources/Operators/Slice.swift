public import NetworkGraph
public import Tensors

/// Every `step`-th entry from `start` along each axis; a negative step walks backwards.
///
/// The counts are settled: output entry `j` along an axis is input entry `start + j * step`.
public struct Slice: NetworkOperator {
  /// The entries taken along one axis.
  public struct Cut: Hashable, Sendable {
    public var start: Int
    public var step: Int
    public var count: Int

    public init(start: Int, step: Int = 1, count: Int) {
      self.start = start
      self.step = step
      self.count = count
    }

    /// ONNX's (and Python's) reading of `start:end:step` for an axis of `length`: negative numbers count from the end,
    /// numbers beyond the ends are clamped.
    public init(from start: Int, to end: Int, step: Int, length: Int) throws(OperatorError) {
      guard step != 0, step != Int.min else { throw OperatorError("a slice with step \(step)") }
      func clamped(_ position: Int, _ range: ClosedRange<Int>) -> Int {
        let positive = position < 0 ? max(position, -length - 1) + length : position
        return min(max(positive, range.lowerBound), range.upperBound)
      }
      if step > 0 {
        self.start = clamped(start, 0...length)
        let room = clamped(end, 0...length) - self.start
        count = room > 0 ? (room - 1) / step + 1 : 0
      } else {
        self.start = clamped(start, -1...max(length - 1, -1))
        // A clamped end of -1 means "through entry 0".
        let room = self.start - clamped(end, -1...max(length - 1, -1))
        count = room > 0 ? (room - 1) / -step + 1 : 0
      }
      self.step = count > 1 ? step : 1
      if count == 0 { self.start = 0 }
    }

    /// The entries in order.
    var entries: [Int] { (0..<count).map { start + $0 * step } }
  }

  /// One an axis.
  public let cuts: [Cut]

  public init(cuts: [Cut]) { self.cuts = cuts }

  public var kind: String { "Slice" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let input = inputs[0]
    guard input.rank == cuts.count else { throw OperatorError("\(cuts.count) cuts of an input of shape \(input)") }
    for (axis, cut) in cuts.enumerated() where cut.count > 0 {
      let last = cut.start + (cut.count - 1) * cut.step
      guard 0 <= min(cut.start, last), max(cut.start, last) < input[axis] else {
        throw OperatorError("a slice of axis \(axis) leaves the input \(input)")
      }
    }
    return [Shape(cuts.map(\.count))]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: [inputs[0].shape])[0]
    let x = inputs[0].values
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      let source = index.indices.map { cuts[$0].start + index[$0] * cuts[$0].step }
      y.append(x[inputs[0].shape.offset(of: source)])
    }
    return [ConstantTensor(shape: output, kind: inputs[0].kind, values: y)]
  }

  /// Entry `j` reads around `start + step * j`; a walk backwards reads everything.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return inputs }
    let cut = cuts[window.axis]
    guard cut.step > 0 else { return [.everything] }
    return [.window(window.reading(stride: cut.step, back: -cut.start, ahead: cut.start))]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    var moved = cuts
    for (axis, source) in permutation.enumerated() { moved[source] = cuts[axis] }
    return (Slice(cuts: moved), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let input = operands[0].shape
    let output = try outputShapes(for: [input])[0]
    let strides = input.strides
    let start = cuts.indices.reduce(0) { $0 + cuts[$1].start * strides[$1] }
    let steps = cuts.indices.map { cuts[$0].step * strides[$0] }
    let copies = CompiledCopies([StridedCopy(dims: output.dims, from: (start, steps), to: (0, output.strides))])
    guard input.rank == 3, cuts[0].count == input[0] else { return copies }
    let moves = CompiledRowMoves(copies, input: input, rows: cuts[1].entries, columns: cuts[2].entries)
    return cuts[1].step > 0 ? CompiledRowSlice(moves: moves, rows: cuts[1], columns: cuts[2]) : moves
  }
}

/// A slice of rows of channels that neighbouring windows may share.
struct CompiledRowSlice: DifferenceOperator {
  let moves: CompiledRowMoves
  let rows: Slice.Cut
  let columns: Slice.Cut

  var multiplyAdds: Int { 0 }
  func forward(_ call: ForwardCall) { moves.forward(call) }
  func backward(_ call: BackwardCall) { moves.backward(call) }

  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    moves.hasDifferenceRule(inputs: inputs, output: output)
  }

  func difference(_ call: DifferenceCall) { moves.difference(call) }
}

extension CompiledRowSlice: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { true }
  var rowStride: Int { rows.step }

  func rowsRead(by wanted: Range<Int>) -> Range<Int> {
    let first = rows.start + wanted.lowerBound * rows.step
    return first..<max(first, rows.start + (wanted.upperBound - 1) * rows.step + 1)
  }

  func forward(_ call: RowsCall) {
    let x = call.inputs[0]
    for (index, row) in call.rows.enumerated() {
      let from = x.base + (rows.start + row * rows.step - x.rows.lowerBound) * moves.input[2] + columns.start
      let to = call.output + index * columns.count
      for column in 0..<columns.count { to[column] = from[column * columns.step] }
    }
  }

  func backward(_ call: RowsBackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    if !target.adds {
      (target.base + target.rows.lowerBound * moves.input[2]).update(
        repeating: 0, count: target.rows.count * moves.input[2])
    }
    for row in call.rows {
      let into = target.base + (rows.start + row * rows.step) * moves.input[2] + columns.start
      let from = call.outputGradient + row * columns.count
      for column in 0..<columns.count { into[column * columns.step] += from[column] }
    }
  }
}
