internal import Glibc
internal import NetworkGraph
internal import Tensors

/// The logit of each entry of a softmax: `y_k = z_k - logsumexp over j != k of z_j` along one axis.
///
/// Stands in for a final softmax under `--pre-activation`. With one entry along the axis `y = z`.
struct LogOdds: NetworkOperator {
  /// Counted from the front.
  let axis: Int

  var kind: String { "LogOdds" }

  func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] { [inputs[0]] }

  func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let z = inputs[0].values
    var y = z
    forEachGroup(of: inputs[0].shape) { indices in
      let group = indices.map { z[$0] }
      for (k, index) in indices.enumerated() { y[index] = Self.logOdds(group).values[k] }
    }
    return [ConstantTensor(shape: inputs[0].shape, values: y)]
  }

  func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    guard case .window(let window) = inputs[0], window.axis == axis else { return inputs }
    return [.everything]
  }

  func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledLogOdds(op: self, shape: operands[0].shape)
  }

  /// Calls `body` with the indices of each group of elements that are normalised together.
  func forEachGroup(of shape: Shape, _ body: ([Int]) -> Void) {
    let (count, inner) = (shape[axis], shape.strides[axis])
    for outer in 0..<shape.count / max(1, count * inner) {
      for i in 0..<inner { body((0..<count).map { (outer * count + $0) * inner + i }) }
    }
  }

  /// Log-odds of one group, and for each entry `k` the largest of the others and the sum of `exp(z_j - largest)` over them.
  static func logOdds(_ z: [Double]) -> (values: [Double], others: [(largest: Double, sum: Double)]) {
    guard z.count > 1, let top = z.indices.max(by: { z[$0] < z[$1] }) else { return (z, z.map { _ in (0, 0) }) }
    // Sums over "all but k" are prefix + suffix sums, never total - own: that would cancel.
    let second = z.indices.filter { $0 != top }.map { z[$0] }.max()!
    let powers = z.map { exp($0 - z[top]) }
    var suffix = [Double](repeating: 0, count: z.count + 1)
    for k in z.indices.reversed() { suffix[k] = suffix[k + 1] + powers[k] }
    var prefix = 0.0
    var others: [(Double, Double)] = []
    for k in z.indices {
      if k == top {
        others.append((second, z.indices.reduce(0.0) { $1 == top ? $0 : $0 + exp(z[$1] - second) }))
      } else {
        others.append((z[top], prefix + suffix[k + 1]))
      }
      prefix += powers[k]
    }
    return (z.indices.map { z[$0] - others[$0].0 - log(others[$0].1) }, others)
  }
}

struct CompiledLogOdds: CompiledOperator {
  let op: LogOdds
  let shape: Shape

  var multiplyAdds: Int { shape.count }

  func forward(_ call: ForwardCall) {
    let (z, y) = (call.inputs[0].base, call.outputs[0].base)
    op.forEachGroup(of: shape) { indices in
      for (index, value) in zip(indices, LogOdds.logOdds(indices.map { Double(z[$0]) }).values) {
        y[index] = Float(value)
      }
    }
  }

  /// `dy_k / dz_j` is 1 for `j = k` and minus the softmax of the others, `-exp(z_j - logsumexp)`, elsewhere.
  func backward(_ call: BackwardCall) {
    guard let target = call.inputGradients[0] else { return }
    let (z, dy) = (call.inputs[0].base, call.outputGradients[0].base)
    op.forEachGroup(of: shape) { indices in
      let group = indices.map { Double(z[$0]) }
      let others = LogOdds.logOdds(group).others
      for (j, index) in indices.enumerated() {
        var sum = Double(dy[index])
        for (k, other) in indices.enumerated() where k != j && dy[other] != 0 {
          sum -= Double(dy[other]) * exp(group[j] - others[k].largest) / others[k].sum
        }
        target.put(index, Float(sum))
      }
    }
  }
}
