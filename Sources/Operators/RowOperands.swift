internal import NetworkGraph
internal import Tensors

/// How the rows of an elementwise operator's result read operands that broadcast to it.
struct RowOperands {
  let shapes: [Shape]
  let output: Shape

  /// Whether ``change(_:operand:_:row:)`` and ``reference(_:operand:row:)`` find an operand's entries.
  ///
  /// What does not change may be a scalar, one number a channel or a row, or as large as the result; what changes has the rows of
  /// the result, or is one row of channels, or one number, for a row or for all.
  func fits(_ operand: Int, _ layout: DifferenceLayout?, _ output: DifferenceLayout) -> Bool {
    let shape = shapes[operand]
    guard let layout else {
      return [1, self.output.count].contains(shape.count) || isPerChannel(shape, output) || isPerRow(shape, output)
    }
    if layout.isWhole, shape.count != self.output.count,
      (shape.count == 1 && layout.count == 1) || (layout.count == output.rows && isPerRow(shape, output))
    {
      return true
    }
    return layout.rowSize == output.rowSize
      && (isOneRow(shape, layout, output) || (layout.rows == output.rows && shape.count == self.output.count))
  }

  /// The differences of an operand along one row of the result.
  struct Entries {
    let base: UnsafePointer<Float>
    /// 0 where all entries read the same.
    let step: Int

    @inline(__always)
    subscript(entry: Int) -> Float { base[entry * step] }
  }

  /// The differences of an operand that a row of the result reads; `nil` where it does not change.
  @inline(__always)
  func change(_ call: DifferenceCall, operand: Int, _ edit: Int, row position: Int) -> Entries? {
    guard let block = call.inputs[operand] else { return nil }
    let shape = shapes[operand]
    if shape.count != output.count, shape.count == 1 || isPerRow(shape, call.output.layout) {
      return Entries(base: UnsafePointer(block.rows(of: edit) + (shape.count == 1 ? 0 : position)), step: 0)
    }
    let row = block.layout.rows == 1 && call.output.layout.rows > 1 ? 0 : position - block.starts[edit]
    // Beside a branch of another stride a block may keep a row too many: it holds zeros and has no place here.
    guard 0..<block.layout.width ~= row else { return nil }
    return Entries(base: UnsafePointer(block.rows(of: edit) + row * block.layout.rowSize), step: 1)
  }

  /// The reference of an operand at one row: where it lies and how far apart its elements are.
  @inline(__always)
  func reference(_ call: DifferenceCall, operand: Int, row: Int) -> (base: UnsafePointer<Float>, step: Int) {
    let base = call.inputReferences[operand].base
    let (shape, layout) = (shapes[operand], call.output.layout)
    if shape.count == 1 { return (base, 0) }
    if shape.count == output.count { return (base + row * layout.rowSize, 1) }
    return isPerRow(shape, layout) ? (base + row, 0) : (base, 1)
  }

  /// One row of channels that every row of the result reads: a gate, such as squeeze-and-excitation has.
  private func isOneRow(_ shape: Shape, _ layout: DifferenceLayout, _ output: DifferenceLayout) -> Bool {
    layout.rows == 1 && layout.window == nil && output.rows > 1 && isPerChannel(shape, output)
  }

  /// One number for each entry of the last axis, the same for every row. A number for each position is not: counts alone do
  /// not tell them apart when there are as many positions as channels.
  private func isPerChannel(_ shape: Shape, _ layout: DifferenceLayout) -> Bool {
    shape.dims.last == layout.rowSize && shape.count == layout.rowSize && output.dims.last == layout.rowSize
  }

  /// One number for each row, the same for every entry of the last axis.
  private func isPerRow(_ shape: Shape, _ layout: DifferenceLayout) -> Bool {
    shape.rank >= 2 && shape.dims.last == 1 && shape[shape.rank - 2] == layout.rows && shape.count == layout.rows
      && output.rank >= 2 && output[output.rank - 2] == layout.rows && output.dims.last == layout.rowSize
  }
}
