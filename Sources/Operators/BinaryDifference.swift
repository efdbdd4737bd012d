internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Sums add differences; products expand to `da * b + a * db + da * db`; quotients by a constant scale.
extension CompiledBinary: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    let fits = inputs.indices.allSatisfy { operand in
      guard let layout = inputs[operand] else {
        // What does not change may be a scalar, one number a channel or a row, or as large as the result.
        return function == .add || function == .subtract || [1, self.output.count].contains(shapes[operand].count)
          || isPerChannel(shapes[operand], output) || isPerRow(shapes[operand], output)
      }
      return layout.rowSize == output.rowSize
        && (isOneRow(operand, layout, output) || (layout.rows == output.rows && counts[operand] == self.output.count))
    }
    switch function {
    case .add, .subtract, .multiply: return fits
    case .divide: return fits && inputs[1] == nil
    default: return false
    }
  }

  /// One row of channels that every row of the result reads: a gate, such as squeeze-and-excitation has.
  private func isOneRow(_ operand: Int, _ layout: DifferenceLayout, _ output: DifferenceLayout) -> Bool {
    layout.rows == 1 && layout.window == nil && output.rows > 1 && isPerChannel(shapes[operand], output)
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

  func difference(_ call: DifferenceCall) {
    let output = call.output
    let size = output.layout.rowSize
    for edit in 0..<output.edits {
      for row in output.inside(edit) {
        let y = UnsafeMutableBufferPointer(start: output.rows(of: edit) + row * size, count: size)
        let position = output.starts[edit] + row
        let a = call.inputs[0].flatMap { changedRow($0, edit, position, output.layout) }
        let b = call.inputs[1].flatMap { changedRow($0, edit, position, output.layout) }
        switch function {
        case .add, .subtract:
          sum(a, b, into: y)
          if masks { absorb(y, at: call.outputReference.base + position * size) }
        default: product(a, b, call, position, into: y)
        }
      }
    }
    output.clearOutside()
  }

  /// The differences of an operand that a row of the result reads; `nil` where it does not change.
  @inline(__always)
  private func changedRow(_ block: DifferenceBlock, _ edit: Int, _ position: Int, _ output: DifferenceLayout)
    -> UnsafePointer<Float>?
  {
    let row = block.layout.rows == 1 && output.rows > 1 ? 0 : position - block.starts[edit]
    // Beside a branch of another stride a block may keep a row too many: it holds zeros and has no place here.
    guard 0..<block.layout.width ~= row else { return nil }
    return UnsafePointer(block.rows(of: edit) + row * block.layout.rowSize)
  }

  @inline(__always)
  private func sum(
    _ a: UnsafePointer<Float>?, _ b: UnsafePointer<Float>?, into y: UnsafeMutableBufferPointer<Float>
  ) {
    switch (a, b, function) {
    case (let a?, let b?, .add): KernelSet.best.add(a, b, into: y.baseAddress!, count: y.count)
    case (let a?, let b?, _): for c in 0..<y.count { y[c] = a[c] - b[c] }
    case (let a?, nil, _): y.baseAddress!.update(from: a, count: y.count)
    case (nil, let b?, .add): y.baseAddress!.update(from: b, count: y.count)
    case (nil, let b?, _): for c in 0..<y.count { y[c] = -b[c] }
    case (nil, nil, _): y.update(repeating: 0)
    }
  }

  /// Beside a mask a sum in float32 does not see small changes, and neither may the difference of two sums.
  private func absorb(_ y: UnsafeMutableBufferPointer<Float>, at reference: UnsafePointer<Float>) {
    for c in 0..<y.count where abs(reference[c]) >= Float(Self.mask) { y[c] = (reference[c] + y[c]) - reference[c] }
  }

  @inline(__always)
  private func product(
    _ a: UnsafePointer<Float>?, _ b: UnsafePointer<Float>?, _ call: DifferenceCall, _ position: Int,
    into y: UnsafeMutableBufferPointer<Float>
  ) {
    guard let first = a ?? b else {
      y.update(repeating: 0)
      return
    }
    let other = factor(call, operand: a == nil ? 0 : 1, row: position, layout: call.output.layout)
    if function == .divide {
      for c in 0..<y.count { y[c] = first[c] / other.base[c * other.step] }
    } else {
      for c in 0..<y.count { y[c] = first[c] * other.base[c * other.step] }
    }
    guard let a, let b else { return }
    let own = factor(call, operand: 0, row: position, layout: call.output.layout)
    for c in 0..<y.count { y[c] += b[c] * (own.base[c * own.step] + a[c]) }
  }

  /// The reference of an operand at one row: where it lies and how far apart its elements are.
  private func factor(
    _ call: DifferenceCall, operand: Int, row: Int, layout: DifferenceLayout
  ) -> (base: UnsafePointer<Float>, step: Int) {
    let base = call.inputReferences[operand].base
    let count = shapes[operand].count
    if count == 1 { return (base, 0) }
    if count == output.count { return (base + row * layout.rowSize, 1) }
    return isPerRow(shapes[operand], layout) ? (base + row, 0) : (base, 1)
  }
}
