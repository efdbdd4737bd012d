public import NetworkGraph
public import Tensors

/// `y = x < 0 ? slopes[c] * x : x` with `c` along one axis: ReLU with a learnt slope a channel.
///
/// At 0 the gradient is the slope's, as PyTorch takes it. One slope for all elements is `Unary(.leakyRelu)`.
public struct ParametricRelu: NetworkOperator {
  public let slopes: [Double]
  public let axis: Int

  public init(slopes: [Double], axis: Int) {
    self.slopes = slopes
    self.axis = axis
  }

  public var kind: String { "PRelu" }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].dims.indices.contains(axis), inputs[0][axis] == slopes.count else {
      throw OperatorError("input \(inputs[0]) has not \(slopes.count) channels along axis \(axis)")
    }
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let shape = try outputShapes(for: [inputs[0].shape])[0]
    let inner = shape.strides[axis]
    let y = inputs[0].values.enumerated().map { index, x in x < 0 ? slopes[index / inner % slopes.count] * x : x }
    return [ConstantTensor(shape: shape, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] { inputs }

  public func treatsPositionsAlike(_ inputs: [Dependence], shapes: [Shape]) -> Bool {
    guard case .window(let window) = inputs[0], window.axis == axis else { return true }
    return Set(slopes).count <= 1
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (ParametricRelu(slopes: slopes, axis: permutation[axis]), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let shape = try outputShapes(for: [operands[0].shape])[0]
    // Channels that are not last are spread over the inner elements, so that one loop serves every layout.
    let inner = shape.strides[axis]
    return CompiledParametricRelu(
      slopes: AlignedFloats(slopes.flatMap { [Float](repeating: Float($0), count: inner) }), count: shape.count)
  }
}

struct CompiledParametricRelu: CompiledOperator {
  /// One slope an element of a row; rows follow one another.
  let slopes: AlignedFloats
  let count: Int

  private var rowSize: Int { slopes.count }

  var multiplyAdds: Int { count }

  func forward(_ call: ForwardCall) { apply(call.inputs[0].base, into: call.outputs[0].base, count: count) }

  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    applyGradient(
      call.inputs[0].base, call.outputGradients[0].base, into: target.view.base, count: count, adds: target.adds)
  }

  // The loops below hold no branch and read nothing that depends on one, so that the compiler vectorises them.

  /// Over whole rows.
  private func apply(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
    eachRow(count) { first, slopes in
      let (x, y) = (x + first, y + first)
      for c in 0..<slopes.count {
        let below = slopes[c] * x[c]
        y[c] = x[c] < 0 ? below : x[c]
      }
    }
  }

  private func applyGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int, adds: Bool
  ) {
    eachRow(count) { first, slopes in
      let (x, dy, dx) = (x + first, dy + first, dx + first)
      if adds {
        for c in 0..<slopes.count {
          let below = slopes[c] * dy[c]
          dx[c] += x[c] > 0 ? dy[c] : below
        }
      } else {
        for c in 0..<slopes.count {
          let below = slopes[c] * dy[c]
          dx[c] = x[c] > 0 ? dy[c] : below
        }
      }
    }
  }

  /// In float64, as the differences of every function of one variable but ReLU: a slope below 0 cancels.
  private func applyDifference(
    _ x: UnsafePointer<Float>, _ d: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    eachRow(count) { first, slopes in
      let (x, d, y) = (x + first, d + first, y + first)
      for c in 0..<slopes.count {
        let (slope, before) = (Double(slopes[c]), Double(x[c]))
        let after = before + Double(d[c])
        let (belowBefore, belowAfter) = (slope * before, slope * after)
        y[c] = Float((after < 0 ? belowAfter : after) - (before < 0 ? belowBefore : before))
      }
    }
  }

  @inline(__always)
  private func eachRow(_ count: Int, _ body: (_ first: Int, _ slopes: UnsafeBufferPointer<Float>) -> Void) {
    guard rowSize > 0 else { return }
    let slopes = UnsafeBufferPointer(start: slopes.pointer, count: rowSize)
    for first in stride(from: 0, to: count, by: rowSize) { body(first, slopes) }
  }
}

extension CompiledParametricRelu: SlidingOperator {
  func slides(inputs: [Shape?], output: Shape) -> Bool { output.dims.last == rowSize }

  func forward(_ call: RowsCall) {
    apply(call.start(ofInput: 0, channels: call.channels), into: call.output, count: call.count)
  }

  func backward(_ call: RowsBackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let first = target.rows.lowerBound * call.channels
    applyGradient(
      call.inputs[0] + first, call.outputGradient + first, into: target.base + first,
      count: target.rows.count * call.channels, adds: target.adds)
  }
}

/// A kept row, or the whole value, holds every slope equally often.
extension CompiledParametricRelu: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    guard inputs[0] == output, rowSize > 0 else { return false }
    return (output.isWhole ? output.count : output.rowSize).isMultiple(of: rowSize)
  }

  func difference(_ call: DifferenceCall) {
    call.eachStretch { x, d, y, count, _ in applyDifference(x, d, into: y, count: count) }
  }
}

extension CompiledParametricRelu: DecidingOperator {
  func decisions(within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void) {
    let x = inputs[0].elements
    for index in 0..<x.count where abs(x[index]) <= margin {
      body(
        Decision(
          output: index, element: .init(operand: 0, element: index), distance: abs(x[index]),
          jump: abs(1 - slopes.pointer[index % rowSize])))
    }
  }
}
