import Kernels
import Operators
import TestSupport
import Testing

@Suite("Functions of one variable")
struct FunctionTests {
  static let functions: [UnaryFunction] = [
    .relu, .leakyRelu(slope: 0.125), .elu(alpha: 0.75), .selu(alpha: 1.6732632, gamma: 1.0507010),
    .celu(alpha: 1.5), .gelu, .geluTanh, .sigmoid, .hardSigmoid(alpha: 0.25, beta: 0.5), .hardSwish,
    .swish(alpha: 1), .mish, .tanh, .softplus, .softsign, .exp, .log, .sqrt, .reciprocal, .negate, .absolute, .erf,
    .clip(minimum: -0.5, maximum: 2),
  ]

  /// Arguments from 1e-8 to 80 in size, both signs where the function takes them.
  private func arguments(for f: UnaryFunction) -> [Float] {
    let sizes = (-80...19).map { Float(pow10(Double($0) / 10)) }
    switch f {
    case .log, .sqrt: return sizes
    case .reciprocal: return sizes + sizes.map { -$0 }
    default: return sizes + sizes.map { -$0 } + [0]
    }
  }

  private func pow10(_ x: Double) -> Double { UnaryFunction.exp.value(x * 2.302585092994046) }

  @Test("values are the C library's to one rounding, the same bits on every instruction set", arguments: functions)
  func values(_ f: UnaryFunction) {
    let x = arguments(for: f)
    var first: [UInt32]?
    for kernels in KernelSet.supported {
      var y = [Float](repeating: .nan, count: x.count)
      y.withUnsafeMutableBufferPointer { kernels.apply(f, x, into: $0.baseAddress!, count: x.count) }
      let wrong = zip(x, y).filter { argument, value in
        let wanted = f.value(Double(argument))
        return abs(Double(value) - wanted) > max(abs(wanted) * 6.1e-8, 1e-14) && Float(wanted) != value
      }
      #expect(wrong.isEmpty, "\(f) on \(kernels): \(wrong)")
      let bits = y.map(\.bitPattern)
      #expect(first == nil || first == bits, "\(f): \(kernels) differs from \(KernelSet.supported[0])")
      first = first ?? bits
    }
  }

  @Test("slopes agree with central differences", arguments: functions)
  func slopes(_ f: UnaryFunction) {
    // Away from kinks, where the two sides differ.
    let x = arguments(for: f).filter { abs($0) > 1e-3 && abs($0) < 8 && abs(abs($0) - 3) > 1e-2 }
    for kernels in KernelSet.supported {
      let dy = [Float](repeating: 2, count: x.count)
      var dx = [Float](repeating: .nan, count: x.count)
      dx.withUnsafeMutableBufferPointer {
        kernels.applyGradient(f, x, dy, into: $0.baseAddress!, count: x.count, adds: false)
      }
      let wrong = zip(x, dx).filter { argument, slope in
        let step = Double(abs(argument)) * 1e-4
        let wanted = (f.value(Double(argument) + step) - f.value(Double(argument) - step)) / step
        return !(abs(Double(slope) - wanted) <= 1e-5 * max(1, abs(wanted)))
      }
      #expect(wrong.isEmpty, "\(f)' on \(kernels): \(wrong)")
    }
  }
}
