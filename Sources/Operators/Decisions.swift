internal import Kernels
internal import NetworkGraph
internal import Tensors

extension UnaryFunction {
  /// A place where the derivative jumps, and by how much.
  struct Kink {
    let at, jump: Float

    init(at: Double, jump: Double) {
      self.at = Float(at)
      self.jump = Float(abs(jump))
    }
  }

  var kinks: [Kink] {
    switch self {
    case .relu: return [Kink(at: 0, jump: 1)]
    case .leakyRelu(let slope): return [Kink(at: 0, jump: 1 - slope)]
    // With alpha 1 both sides have slope 1 at 0.
    case .elu(let alpha): return alpha == 1 ? [] : [Kink(at: 0, jump: 1 - alpha)]
    case .selu(let alpha, let gamma): return [Kink(at: 0, jump: gamma * (1 - alpha))]
    case .hardSigmoid(let alpha, let beta):
      return alpha == 0 ? [] : [Kink(at: -beta / alpha, jump: alpha), Kink(at: (1 - beta) / alpha, jump: alpha)]
    case .hardSwish: return [Kink(at: -3, jump: 0.5), Kink(at: 3, jump: 0.5)]
    case .absolute: return [Kink(at: 0, jump: 2)]
    case .clip(let minimum, let maximum):
      return [Kink(at: minimum, jump: 1), Kink(at: maximum, jump: 1)].filter(\.at.isFinite)
    case .celu, .gelu, .geluTanh, .sigmoid, .swish, .mish, .tanh, .softplus, .softsign, .exp, .log, .sqrt, .reciprocal,
      .negate, .erf:
      return []
    }
  }
}

extension CompiledUnary: DecidingOperator {
  func decisions(within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void) {
    let x = inputs[0].elements
    for kink in function.kinks {
      for index in 0..<x.count where abs(x[index] - kink.at) <= margin {
        body(
          Decision(
            output: index, element: .init(operand: 0, element: index), distance: abs(x[index] - kink.at),
            jump: kink.jump))
      }
    }
  }
}

extension CompiledBinary: DecidingOperator {
  func decisions(within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void) {
    guard function == .maximum || function == .minimum else { return }
    let (a, b) = (inputs[0].base, inputs[1].base)
    broadcast.forEachElement { i, j, k in
      let distance = abs(a[i] - b[j])
      guard distance <= margin else { return }
      body(
        Decision(
          output: k, element: .init(operand: 0, element: i), rival: .init(operand: 1, element: j), distance: distance,
          jump: 1))
    }
  }
}

/// A comparison makes its result jump, not only the slope: nothing bounds what follows.
extension CompiledPredicate: DecidingOperator {
  func decisions(within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void) {
    switch function {
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: break
    case .and, .or, .xor, .not, .isNaN, .isInfinite: return
    }
    let steps = (walk.rowStrides[0], walk.rowStrides[1])
    walk.forEachRow { offsets in
      for i in 0..<walk.row {
        let (a, b) = (offsets[0] + i * steps.0, offsets[1] + i * steps.1)
        let distance = abs(inputs[0].base[a] - inputs[1].base[b])
        guard distance <= margin else { continue }
        body(
          Decision(
            output: offsets[2] + i, element: .init(operand: 0, element: a), rival: .init(operand: 1, element: b),
            distance: distance, jump: .infinity))
      }
    }
  }
}

extension CompiledPool: DecidingOperator {
  func decisions(within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void) {
    guard op.pooling == .max else { return }
    let channels = input[2]
    for batch in 0..<input[0] {
      for t in 0..<self.output[1] {
        let window = op.window(t, length: input[1])
        let taps = (0..<window.count).map { (batch * input[1] + window.first + $0 * op.dilation) * channels }
        for c in 0..<channels {
          nearRivals(
            of: taps, offset: c, inputs[0].base, output: (batch * self.output[1] + t) * channels + c, margin, body)
        }
      }
    }
  }
}

extension CompiledReduce: DecidingOperator {
  func decisions(within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void) {
    switch function {
    case .max, .min:
      for (group, start) in geometry.groups.enumerated() {
        let places = geometry.entries.map { start + $0 }
        for i in 0..<geometry.inner {
          nearRivals(
            of: places, offset: i, inputs[0].base, output: group * geometry.inner + i, margin,
            smallest: function == .min,
            body)
        }
      }
    case .l1:
      for (group, start) in geometry.groups.enumerated() {
        for entry in geometry.entries {
          for i in 0..<geometry.inner {
            let element = start + entry + i
            let distance = abs(inputs[0].base[element])
            guard distance <= margin else { continue }
            body(
              Decision(
                output: group * geometry.inner + i, element: .init(operand: 0, element: element), distance: distance,
                jump: 2))
          }
        }
      }
    case .mean, .sum, .product, .l2, .sumSquare, .logSumExp: break
    }
  }
}

/// The first largest (or smallest) of some elements against every other within `margin` of it.
private func nearRivals(
  of places: [Int], offset: Int, _ x: UnsafePointer<Float>, output: Int, _ margin: Float, smallest: Bool = false,
  _ body: (Decision) -> Void
) {
  guard var winner = places.first else { return }
  for place in places.dropFirst() {
    let (value, best) = (x[place + offset], x[winner + offset])
    if smallest ? value < best : value > best { winner = place }
  }
  for place in places where place != winner {
    let distance = abs(x[place + offset] - x[winner + offset])
    guard distance <= margin else { continue }
    body(
      Decision(
        output: output, element: .init(operand: 0, element: winner + offset),
        rival: .init(operand: 0, element: place + offset), distance: distance, jump: 1))
  }
}
