internal import Kernels
public import NetworkGraph
public import Tensors

/// Mean 0 and variance 1 along some axes, then a scale and a shift per entry: layer, instance and group normalisation.
///
/// `y = (x - mean) / sqrt(variance + epsilon) * scale + shift`, with the mean and the (biased) variance of each group.
public struct Normalization: NetworkOperator {
  /// Ascending, counted from the front.
  public let axes: [Int]
  public let epsilon: Double
  /// One number an entry of a group, row-major over the axes; `nil` for all ones.
  public let scale: [Double]?
  /// The same; `nil` for all zeros.
  public let shift: [Double]?

  public init(axes: [Int], epsilon: Double, scale: [Double]? = nil, shift: [Double]? = nil) {
    precondition(axes == axes.sorted(), "axes in ascending order")
    self.axes = axes
    self.epsilon = epsilon
    self.scale = scale
    self.shift = shift
  }

  public var kind: String { "LayerNormalization" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let input = inputs[0]
    guard !axes.isEmpty, axes.allSatisfy({ input.dims.indices.contains($0) && input[$0] > 0 }) else {
      throw OperatorError("axes \(axes) of an input of shape \(input)")
    }
    let entries = axes.reduce(1) { $0 * input[$1] }
    guard scale == nil || scale!.count == entries, shift == nil || shift!.count == entries else {
      throw OperatorError("scale or shift is not one number for each of the \(entries) entries along axes \(axes)")
    }
    return [input]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let input = try outputShapes(for: [inputs[0].shape])[0]
    let group = Shape(input.dims.indices.map { axes.contains($0) ? 1 : input[$0] })
    let entry = Shape(axes.map { input[$0] })
    let x = inputs[0].values
    var members = [[Double]](repeating: [], count: group.count)
    input.forEachIndex { members[group.offset(broadcastTo: $0)].append(x[input.offset(of: $0)]) }
    let statistics = members.map { values in
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return (mean: mean, factor: 1 / (variance + epsilon).squareRoot())
    }
    var y: [Double] = []
    y.reserveCapacity(x.count)
    input.forEachIndex { index in
      let (mean, factor) = statistics[group.offset(broadcastTo: index)]
      let k = entry.offset(of: axes.map { index[$0] })
      y.append((x[input.offset(of: index)] - mean) * factor * (scale?[k] ?? 1) + (shift?[k] ?? 0))
    }
    return [ConstantTensor(shape: input, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return inputs }
    return [axes.contains(window.axis) ? .everything : inputs[0]]
  }

  /// The entries keep their order when the axes do.
  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    let moved = axes.map { permutation[$0] }
    guard moved == moved.sorted() || (scale == nil && shift == nil) else { return nil }
    return (Normalization(axes: moved.sorted(), epsilon: epsilon, scale: scale, shift: shift), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let shape = try outputShapes(for: [operands[0].shape])[0]
    let geometry = ReductionGeometry(shape, axes: axes)
    return CompiledNormalization(
      geometry: geometry, epsilon: epsilon,
      scale: AlignedFloats(scale?.map { Float($0) } ?? Array(repeating: 1, count: geometry.entries.count)),
      shift: AlignedFloats(shift?.map { Float($0) } ?? Array(repeating: 0, count: geometry.entries.count)))
  }
}

struct CompiledNormalization: CompiledOperator {
  let geometry: ReductionGeometry
  let epsilon: Double
  /// One number an entry.
  let scale: AlignedFloats
  let shift: AlignedFloats

  var multiplyAdds: Int { 2 * geometry.groups.count * geometry.entries.count * geometry.inner }
  /// Two operations an element, both in float64.
  var timePerOperation: Int { 40 }
  var roundsOnce: Bool { true }

  func forward(_ call: ForwardCall) {
    if geometry.isContiguous {
      eachGroup { start in
        KernelSet.best.normalize(
          call.inputs[0].base + start, scale: scale.pointer, shift: shift.pointer, epsilon: epsilon,
          into: call.outputs[0].base + start, count: scale.count)
      }
      return
    }
    if geometry.inner > 1 { return forwardColumns(call) }
    eachGroup { start in
      let (x, y) = (call.inputs[0].base + start, call.outputs[0].base + start)
      let (mean, factor) = statistics(x)
      for (k, entry) in geometry.entries.enumerated() {
        y[entry] = Float((Double(x[entry]) - mean) * factor * Double(scale.pointer[k]) + Double(shift.pointer[k]))
      }
    }
  }

  /// With `n = (x - mean) * factor` and `g = dy * scale`: `dx = factor * (g - mean(g) - n * mean(g * n))`.
  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    if geometry.isContiguous {
      eachGroup { start in
        KernelSet.best.normalizeGradient(
          call.inputs[0].base + start, scale: scale.pointer, epsilon: epsilon, call.outputGradients[0].base + start,
          into: target.view.base + start, count: scale.count, adds: target.adds)
      }
      return
    }
    if geometry.inner > 1 { return backwardColumns(call, into: target) }
    let count = Double(geometry.entries.count)
    eachGroup { start in
      let (x, dy) = (call.inputs[0].base + start, call.outputGradients[0].base + start)
      let (mean, factor) = statistics(x)
      var (sum, along) = (0.0, 0.0)
      for (k, entry) in geometry.entries.enumerated() {
        let g = Double(dy[entry]) * Double(scale.pointer[k])
        sum += g
        along += g * (Double(x[entry]) - mean) * factor
      }
      for (k, entry) in geometry.entries.enumerated() {
        let g = Double(dy[entry]) * Double(scale.pointer[k])
        let n = (Double(x[entry]) - mean) * factor
        target.put(start + entry, Float(factor * (g - sum / count - n * along / count)))
      }
    }
  }

  /// Mean and `1 / sqrt(variance + epsilon)` of the group that starts at `x`, in two passes.
  @inline(__always)
  private func statistics(_ x: UnsafePointer<Float>) -> (mean: Double, factor: Double) {
    let count = Double(geometry.entries.count)
    var sum = 0.0
    for entry in geometry.entries { sum += Double(x[entry]) }
    let mean = sum / count
    var squares = 0.0
    for entry in geometry.entries {
      let difference = Double(x[entry]) - mean
      squares += difference * difference
    }
    return (mean, 1 / (squares / count + epsilon).squareRoot())
  }

  @inline(__always)
  private func eachGroup(_ body: (_ start: Int) -> Void) {
    for group in geometry.groups { body(group) }
  }
}

/// Along the channels of a row, or along the rows for groups side by side, from the reference and the change.
extension CompiledNormalization: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard let input = inputs[0] else { return false }
    if hasColumnRule(input, output) { return true }
    guard geometry.isContiguous else { return false }
    // Of whole values the groups need not be the rows.
    return input == output && output.rowSize == scale.count
      || input.isWhole && output.isWhole && input.count == output.count && output.count % scale.count == 0
  }

  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int { 4 * output.count }
  var timePerDifferenceOperation: Int { 25 }

  func difference(_ call: DifferenceCall) {
    if geometry.inner > 1 { return columnDifference(call) }
    let (input, output) = (call.inputs[0]!, call.output)
    let size = scale.count
    for edit in 0..<output.edits {
      for row in output.layout.isWhole ? 0..<output.layout.count / size : output.inside(edit) {
        KernelSet.best.normalizeDifference(
          call.inputReferences[0].base + (output.starts[edit] + row) * size, input.rows(of: edit) + row * size,
          scale: scale.pointer, epsilon: epsilon, into: output.rows(of: edit) + row * size, count: size)
      }
    }
    output.clearOutside()
  }
}
