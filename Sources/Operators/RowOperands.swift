internal import NetworkGraph
internal import Tensors

/// How the rows of an elementwise operator's result read operands that broadcast to it.
struct RowOperands {
  let shapes: [Shape]
  let output: Shape
  /// Whether an operand has fewer elements than the result.
  private let isSpread: [Bool]

  init(shapes: [Shape], output: Shape) {
    self.shapes = shapes
    self.output = output
    isSpread = shapes.map { $0.count != output.count }
  }

  /// Calls `body` with every kept row of the result: where its differences go, the edit, and which row it is.
  @inline(__always)
  func eachRow(_ call: DifferenceCall, _ body: (UnsafeMutableBufferPointer<Float>, _ edit: Int, _ row: Int) -> Void) {
    let output = call.output
    let size = output.layout.rowSize
    for edit in 0..<output.edits {
      for row in output.inside(edit) {
        body(
          UnsafeMutableBufferPointer(start: output.rows(of: edit) + row * size, count: size), edit,
          output.starts[edit] + row)
      }
    }
    output.clearOutside()
  }

  /// Whether ``change(_:operand:_:row:)`` and ``reference(_:operand:row:)`` find an operand's entries.
  ///
  /// What does not change may be a scalar, one number a channel or a row, or as large as the result; what changes has the rows of
  /// the result, or is one row of channels, or one number, for a row or for all.
  func fits(_ operand: Int, _ layout: DifferenceLayout?, _ output: DifferenceLayout) -> Bool {
    let shape = shapes[operand]
    guard let layout else {
      return [1, self.output.count].contains(shape.count) || isPerChannel(shape, output) || isPerRow(shape, output)
    }
    if layout.isWhole, isSpread[operand],
      (shape.count == 1 && layout.count == 1) || (layout.count == output.rows && isPerRow(shape, output))
    {
      return true
    }
    if isNumberARow(layout), layout.rows == output.rows, isPerRow(shape, output) { return true }
    return layout.rowSize == output.rowSize
      && (isOneRow(shape, layout, output) || (layout.rows == output.rows && !isSpread[operand]))
  }

  /// The differences of an operand that a row of the result reads; `nil` where it does not change.
  @inline(__always)
  func change(_ call: DifferenceCall, operand: Int, _ edit: Int, row position: Int) -> StridedEntries? {
    guard let block = call.inputs[operand] else { return nil }
    let shape = shapes[operand]
    let isPerRow = isSpread[operand] && isPerRow(shape, call.output.layout)
    if isSpread[operand], shape.count == 1 || (isPerRow && !isNumberARow(block.layout)) {
      return StridedEntries(base: UnsafePointer(block.rows(of: edit) + (shape.count == 1 ? 0 : position)), step: 0)
    }
    let row = block.layout.rows == 1 && call.output.layout.rows > 1 ? 0 : position - block.starts[edit]
    // Beside a branch of another stride a block may keep a row too many: it holds zeros and has no place here.
    guard 0..<block.layout.width ~= row else { return nil }
    if isPerRow { return StridedEntries(base: UnsafePointer(block.rows(of: edit) + row), step: 0) }
    return StridedEntries(base: UnsafePointer(block.rows(of: edit) + row * block.layout.rowSize), step: 1)
  }

  /// The reference of an operand at one row.
  @inline(__always)
  func reference(_ call: DifferenceCall, operand: Int, row: Int) -> StridedEntries {
    let base = call.inputReferences[operand].base
    let (shape, layout) = (shapes[operand], call.output.layout)
    if shape.count == 1 { return StridedEntries(base: base, step: 0) }
    guard isSpread[operand] else { return StridedEntries(base: base + row * layout.rowSize, step: 1) }
    return isPerRow(shape, layout) ? StridedEntries(base: base + row, step: 0) : StridedEntries(base: base, step: 1)
  }

  /// Calls `body` with every kept row of the result, and with every operand's reference and differences along it side by side:
  /// zeros where it does not change.
  ///
  /// For functions whose loops would not vectorise over ``StridedEntries``: those that choose.
  @inline(__always)
  func eachSideBySide(
    _ call: DifferenceCall,
    _ body: (
      UnsafeMutableBufferPointer<Float>, _ edit: Int, _ references: UnsafePointer<UnsafePointer<Float>>,
      _ changes: UnsafePointer<UnsafePointer<Float>>
    ) -> Void
  ) {
    let (size, count) = (call.output.layout.rowSize, shapes.count)
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: 2 * count) { entries in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: (2 * count + 1) * size + 1) { room in
        let zeros = room.baseAddress! + 2 * count * size
        zeros.update(repeating: 0, count: size)
        eachRow(call) { y, edit, row in
          for operand in 0..<count {
            let own = room.baseAddress! + 2 * operand * size
            entries[operand] = reference(call, operand: operand, row: row).sideBySide(size, own)
            let change = change(call, operand: operand, edit, row: row)
            entries[count + operand] = change?.sideBySide(size, own + size) ?? UnsafePointer(zeros)
          }
          let found = UnsafePointer(entries.baseAddress!)
          body(y, edit, found, found + count)
        }
      }
    }
  }

  /// Rows of one number, of which an edit keeps some.
  private func isNumberARow(_ layout: DifferenceLayout) -> Bool { layout.rowSize == 1 && layout.rows > 1 }

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
