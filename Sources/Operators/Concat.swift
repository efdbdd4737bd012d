public import NetworkGraph
public import Tensors

/// Tensors one behind the other along one axis; all other axes agree.
public struct Concat: NetworkOperator {
  /// Counted from the front.
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var kind: String { "Concat" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard var dims = inputs.first?.dims, dims.indices.contains(axis) else {
      throw OperatorError("axis \(axis) of inputs \(inputs)")
    }
    for shape in inputs.dropFirst() {
      guard shape.rank == dims.count, dims.indices.allSatisfy({ $0 == axis || shape[$0] == dims[$0] }) else {
        throw OperatorError("shapes \(inputs) differ along more than axis \(axis)")
      }
      dims[axis] += shape[axis]
    }
    return [try Shape.checked(dims)]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: inputs.map(\.shape))[0]
    let parts = inputs.map(\.values)
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      var (index, part) = (index, 0)
      while index[axis] >= inputs[part].shape[axis] {
        index[axis] -= inputs[part].shape[axis]
        part += 1
      }
      y.append(parts[part][inputs[part].shape.offset(of: index)])
    }
    let kind = inputs.contains { $0.kind == .float } ? .float : inputs[0].kind
    return [ConstantTensor(shape: output, kind: kind, values: y)]
  }

  /// Along the position axis, entry `j` is entry `j - offset` of the part it falls into.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    var offset = 0
    var parts: [Dependence] = []
    for (dependence, shape) in zip(inputs, shapes) {
      if case .window(let window) = dependence, window.axis == axis {
        parts.append(.window(window.reading(stride: 1, back: offset, ahead: -offset)))
      } else {
        parts.append(dependence)
      }
      offset += shape[axis]
    }
    return [Dependence.union(parts)]
  }

  /// Parts may come from anywhere: that they meet again where they were cut is for ``Gather`` to see.
  public func treatsPositionsAlike(_ inputs: [Dependence], shapes: [Shape]) -> Bool {
    inputs.count {
      guard case .window(let window) = $0 else { return false }
      return window.axis == axis
    } < 2
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (Concat(axis: permutation[axis]), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let output = try outputShapes(for: operands.map(\.shape))[0]
    var start = 0
    var copies: [StridedCopy] = []
    for (input, operand) in operands.enumerated() {
      copies.append(
        StridedCopy(
          input: input, dims: operand.shape.dims, from: (0, operand.shape.strides), to: (start, output.strides)))
      start += operand.shape[axis] * output.strides[axis]
    }
    let shapes = operands.map(\.shape)
    guard output.rank == 3, axis > 0 else { return CompiledCopies(copies) }
    return CompiledRowConcat(copies: CompiledCopies(copies), axis: axis, shapes: shapes, output: output)
  }
}

/// Rows of channels one behind the other, or side by side, which also take differences along.
struct CompiledRowConcat: DifferenceOperator {
  let copies: CompiledCopies
  /// 1: rows, 2: channels.
  let axis: Int
  /// `[batch, rows, channels]` each.
  let shapes: [Shape]
  let output: Shape

  var multiplyAdds: Int { 0 }
  func forward(_ call: ForwardCall) { copies.forward(call) }
  func backward(_ call: BackwardCall) { copies.backward(call) }

  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    copies.hasDifferenceRule(inputs: inputs, output: output)
      || (self.output[0] == 1
        && zip(inputs, shapes).allSatisfy { $0 == nil || ($0!.rows == $1[1] && $0!.rowSize == $1[2]) }
        && output.rows == self.output[1] && output.rowSize == self.output[2])
  }

  func difference(_ call: DifferenceCall) {
    let to = call.output
    guard !copies.hasDifferenceRule(inputs: call.inputs.map(\.?.layout), output: to.layout) else {
      return copies.difference(call)
    }
    for edit in 0..<to.edits { to.rows(of: edit).update(repeating: 0, count: to.layout.count) }
    var offset = 0
    for (block, shape) in zip(call.inputs, shapes) {
      if let block {
        let (moved, column) = axis == 1 ? (offset, 0) : (0, offset)
        for edit in 0..<to.edits {
          for row in block.inside(edit) {
            let target = block.starts[edit] + row + moved - to.starts[edit]
            // Beside a part of another stride a block may keep a row too many: it holds zeros and has no place here.
            guard 0..<to.layout.width ~= target else { continue }
            (to.rows(of: edit) + target * to.layout.rowSize + column).update(
              from: block.rows(of: edit) + row * shape[2], count: shape[2])
          }
        }
      }
      offset += shape[axis]
    }
  }
}

/// Side by side, rows stay where they are.
extension CompiledRowConcat: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { axis == 2 && !inputs.contains(nil) }

  func forward(_ call: RowsCall) {
    var offset = 0
    for (index, shape) in shapes.enumerated() {
      let from = call.start(ofInput: index, channels: shape[2])
      for row in 0..<call.rows.count {
        (call.output + row * call.channels + offset).update(from: from + row * shape[2], count: shape[2])
      }
      offset += shape[2]
    }
  }

  func backward(_ call: RowsBackwardCall) {
    var offset = 0
    for (target, shape) in zip(call.inputGradients, shapes) {
      defer { offset += shape[2] }
      guard let target else { continue }
      let first = target.base + target.rows.lowerBound * shape[2]
      if !target.adds { first.update(repeating: 0, count: target.rows.count * shape[2]) }
      for (index, row) in target.rows.enumerated() {
        let from = call.outputGradient + row * call.channels + offset
        for c in 0..<shape[2] { first[index * shape[2] + c] += from[c] }
      }
    }
  }
}
