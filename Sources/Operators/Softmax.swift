internal import Glibc
internal import Kernels
public import NetworkGraph
public import Tensors

/// `exp(x) / sum of exp(x)` along one axis, or its logarithm.
///
/// The sum is taken in float64 from differences to the largest entry; each result is rounded once.
public struct Softmax: NetworkOperator {
  /// Counted from the front.
  public let axis: Int
  /// True for LogSoftmax.
  public let logarithm: Bool

  public init(axis: Int, logarithm: Bool = false) {
    self.axis = axis
    self.logarithm = logarithm
  }

  public var kind: String { logarithm ? "LogSoftmax" : "Softmax" }
  public var finalActivation: FinalActivation? { logarithm ? nil : .softmax(axis: axis) }

  public func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    guard inputs[0].dims.indices.contains(axis), inputs[0][axis] > 0 else {
      throw OperatorError("axis \(axis) of an input of shape \(inputs[0])")
    }
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let shape = try outputShapes(for: [inputs[0].shape])[0]
    let x = inputs[0].values
    let (length, stride) = (shape[axis], shape.strides[axis])
    var y = [Double](repeating: 0, count: x.count)
    for first in x.indices where first / stride % length == 0 {
      let group = Swift.stride(from: first, to: first + length * stride, by: stride)
      let most = group.reduce(-Double.infinity) { Swift.max($0, x[$1]) }
      let sum = group.reduce(0) { $0 + exp(x[$1] - most) }
      for i in group { y[i] = logarithm ? x[i] - most - log(sum) : exp(x[i] - most) / sum }
    }
    return [ConstantTensor(shape: shape, values: y)]
  }

  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0] else { return inputs }
    return [window.axis == axis ? .everything : inputs[0]]
  }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    (Softmax(axis: permutation[axis], logarithm: logarithm), [permutation])
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    let shape = try outputShapes(for: [operands[0].shape])[0]
    let outer = shape.dims[..<axis].reduce(1, *)
    return CompiledSoftmax(logarithm: logarithm, outer: outer, length: shape[axis], inner: shape.strides[axis])
  }
}

/// A softmax over `[outer, length, inner]`, along the middle.
struct CompiledSoftmax: CompiledOperator {
  let logarithm: Bool
  let outer: Int
  let length: Int
  let inner: Int

  var multiplyAdds: Int { outer * length * inner }
  var timePerOperation: Int { 100 }
  /// Groups that are not contiguous are brought together: entries in, results out.
  var scratchCount: Int { inner == 1 ? 0 : 2 * length }

  func forward(_ call: ForwardCall) { forward(call, precisely: false) }
  func forwardPrecisely(_ call: ForwardCall) { forward(call, precisely: true) }

  private func forward(_ call: ForwardCall, precisely: Bool) {
    eachGroup { first in
      let (x, y) = (call.inputs[0].base + first, call.outputs[0].base + first)
      if logarithm { return logarithms(x, into: y) }
      guard inner > 1 else {
        KernelSet.best.softmax(x, into: y, count: length, precisely: precisely)
        return
      }
      let (gathered, result) = (call.scratch, call.scratch + length)
      for entry in 0..<length { gathered[entry] = x[entry * inner] }
      KernelSet.best.softmax(gathered, into: result, count: length, precisely: precisely)
      for entry in 0..<length { y[entry * inner] = result[entry] }
    }
  }

  private func logarithms(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    var most = -Float.infinity
    for entry in 0..<length { most = max(most, x[entry * inner]) }
    var sum = 0.0
    for entry in 0..<length { sum += exp(Double(x[entry * inner]) - Double(most)) }
    let shift = log(sum)
    for entry in 0..<length { y[entry * inner] = Float(Double(x[entry * inner]) - Double(most) - shift) }
  }

  /// `dx = y * (dy - sum(y * dy))`; of the logarithm `dx = dy - exp(y) * sum(dy)`.
  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    eachGroup { first in
      let (y, dy) = (call.outputs[0].base + first, call.outputGradients[0].base + first)
      if inner == 1 && !logarithm {
        KernelSet.best.softmaxGradient(y, dy, into: target.view.base + first, count: length, adds: target.adds)
        return
      }
      var sum = 0.0
      for entry in 0..<length {
        let i = entry * inner
        sum += logarithm ? Double(dy[i]) : Double(y[i]) * Double(dy[i])
      }
      for entry in 0..<length {
        let i = entry * inner
        let (y, dy) = (Double(y[i]), Double(dy[i]))
        target.put(first + i, Float(logarithm ? dy - exp(y) * sum : y * (dy - sum)))
      }
    }
  }

  /// Calls `body` with the offset of each group's first entry.
  @inline(__always)
  private func eachGroup(_ body: (_ first: Int) -> Void) {
    for row in 0..<outer {
      for column in 0..<inner { body(row * length * inner + column) }
    }
  }
}
