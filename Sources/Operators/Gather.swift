public import NetworkGraph
public import Tensors

/// Entries picked along one axis by known indices: `y[..., k, ...] = x[..., indices[k], ...]`.
///
/// The axis becomes as many axes as the indices have; a scalar index drops it.
public struct Gather: NetworkOperator {
  /// Counted from the front.
  public let axis: Int
  /// Row-major; negative ones count from the end of the axis.
  public let indices: [Int]
  public let indexShape: Shape

  public init(axis: Int, indices: [Int], indexShape: Shape) {
    precondition(indices.count == indexShape.count)
    self.axis = axis
    self.indices = indices
    self.indexShape = indexShape
  }

  public var kind: String { "Gather" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let dims = inputs[0].dims
    guard dims.indices.contains(axis), indices.allSatisfy({ -dims[axis] <= $0 && $0 < dims[axis] }) else {
      throw OperatorError("indices outside axis \(axis) of \(inputs[0])")
    }
    return [try Shape.checked(dims[..<axis] + indexShape.dims + dims[(axis + 1)...])]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let input = inputs[0].shape
    let output = try outputShapes(for: [input])[0]
    let x = inputs[0].values
    var y: [Double] = []
    y.reserveCapacity(output.count)
    output.forEachIndex { index in
      let picked = indices[indexShape.offset(of: Array(index[axis..<axis + indexShape.rank]))]
      let source = index[..<axis] + [picked < 0 ? picked + input[axis] : picked] + index[(axis + indexShape.rank)...]
      y.append(x[input.offset(of: Array(source))])
    }
    return [ConstantTensor(shape: output, kind: inputs[0].kind, values: y)]
  }

  /// Picked positions keep a window while each stays near its place in the input: those of a slice, of padding by reflection, or
  /// of repeated rows.
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(var window) = inputs[0] else { return inputs }
    if window.axis == axis {
      guard indexShape.rank == 1 else { return [.everything] }
      return [window.picking(sources(shapes[0][axis])).map { .window($0) } ?? .everything]
    }
    if window.axis > axis { window.axis += indexShape.rank - 1 }
    return [.window(window)]
  }

  public func treatsPositionsAlike(_ inputs: [Dependence], shapes: [Shape]) -> Bool {
    guard case .window(let window) = inputs[0], window.axis == axis else { return true }
    let sources = sources(shapes[0][axis])
    let step = sources.count > 1 ? sources[1] - sources[0] : 1
    return step > 0 && sources.indices.allSatisfy { sources[$0] == sources[0] + $0 * step }
  }

  /// The indices, counted from the front of the axis.
  private func sources(_ length: Int) -> [Int] { indices.map { $0 < 0 ? $0 + length : $0 } }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    // Axes of the result: those of x with the gathered one replaced by the axes of the indices.
    let source = permutation[axis]
    func place(_ axis: Int) -> Int { axis < source ? axis : axis + indexShape.rank - 1 }
    let order = permutation.enumerated().flatMap { position, from in
      position == axis ? Array(source..<source + indexShape.rank) : [place(from)]
    }
    return (Gather(axis: source, indices: indices, indexShape: indexShape), [order])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let input = operands[0].shape
    _ = try outputShapes(for: [input])
    let outer = input.dims[..<axis].reduce(1, *)
    let inner = input.dims[(axis + 1)...].reduce(1, *)
    let sources = sources(input[axis])
    let copies = CompiledCopies(
      sources.enumerated().map { k, source in
        StridedCopy(
          dims: [outer, inner], from: (source * inner, [input[axis] * inner, 1]),
          to: (k * inner, [indices.count * inner, 1]))
      })
    guard input.rank == 3, axis > 0, indexShape.rank <= 1 else { return copies }
    return CompiledRowMoves(
      copies, input: input, rows: axis == 1 ? sources : Array(0..<input[1]),
      columns: axis == 2 ? sources : Array(0..<input[2]))
  }
}
