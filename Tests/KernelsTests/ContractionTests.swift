import Kernels
import TestSupport
import Testing

@Suite("Convolution kernel")
struct ContractionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let inputs, outputs, taps, stride, dilation, before, length: Int
    var testDescription: String {
      "\(inputs)->\(outputs) k\(taps) s\(stride) d\(dilation) p\(before) L\(length)"
    }
  }

  static let cases: [Case] = {
    var cases: [Case] = []
    for (inputs, outputs) in [(1, 1), (3, 5), (4, 16), (7, 33), (16, 64), (5, 70)] {
      for (taps, stride, dilation, before) in [(1, 1, 1, 0), (3, 1, 1, 1), (3, 1, 4, 4), (5, 2, 1, 3), (2, 3, 2, 0)] {
        for length in [1, 2, 13, 40] where length + 2 * before > (taps - 1) * dilation {
          cases.append(
            Case(
              inputs: inputs, outputs: outputs, taps: taps, stride: stride, dilation: dilation, before: before,
              length: length))
        }
      }
    }
    return cases
  }()

  /// The definition: one chain of fused multiply-adds over (tap, input channel), the bias last.
  private func plain(
    _ c: Case, _ x: [Float], _ w: [Float], _ bias: [Float], rows: Int, relu: Bool
  ) -> [Float] {
    var y = [Float](repeating: .nan, count: rows * c.outputs)
    for t in 0..<rows {
      for o in 0..<c.outputs {
        var sum: Float = 0
        for tap in 0..<c.taps {
          let row = t * c.stride + tap * c.dilation - c.before
          guard 0 <= row, row < c.length else { continue }
          for i in 0..<c.inputs {
            sum = sum.addingProduct(x[row * c.inputs + i], w[(o * c.taps + tap) * c.inputs + i])
          }
        }
        sum += bias[o]
        y[t * c.outputs + o] = relu && sum <= 0 ? 0 : sum
      }
    }
    return y
  }

  @Test("every instruction set gives the bits of the definition, and writes nothing else", arguments: cases)
  func equalsDefinition(_ c: Case) {
    var random = SplitMix64(seed: 7)
    let x = random.floats(count: c.length * c.inputs)
    let w = random.floats(count: c.outputs * c.taps * c.inputs)
    let bias = random.floats(count: c.outputs)
    let rows = (c.length + 2 * c.before - (c.taps - 1) * c.dilation - 1) / c.stride + 1
    let packed = PackedWeights(taps: c.taps, inputs: c.inputs, outputs: c.outputs, bias: bias) { o, tap, i in
      w[(o * c.taps + tap) * c.inputs + i]
    }
    let geometry = RowGeometry(
      inputRows: c.length, outputRows: rows, stride: c.stride, dilation: c.dilation, before: c.before)
    for relu in [false, true] {
      let expected = plain(c, x, w, bias, rows: rows, relu: relu)
      for kernels in KernelSet.supported {
        // Rows of y lie apart, with NaN between them that must survive.
        let apart = c.outputs + 3
        var y = [Float](repeating: .nan, count: rows * apart)
        y.withUnsafeMutableBufferPointer {
          kernels.convolve(
            x, xStride: c.inputs, packed, into: $0.baseAddress!, yStride: apart, rows: geometry, relu: relu)
        }
        let rowsWritten = (0..<rows).flatMap { y[$0 * apart..<$0 * apart + c.outputs].map(\.bitPattern) }
        let gaps = (0..<rows).flatMap { y[$0 * apart + c.outputs..<($0 + 1) * apart] }
        let untouched = gaps.allSatisfy(\.isNaN)
        #expect(rowsWritten == expected.map(\.bitPattern), "\(kernels)")
        #expect(untouched, "\(kernels) wrote past a row")
      }
    }
  }

  @Test("adding to the output adds the result to it")
  func adds() {
    var random = SplitMix64(seed: 3)
    let (inputs, outputs, rows) = (6, 21, 9)
    let x = random.floats(count: rows * inputs)
    let packed = PackedWeights(taps: 1, inputs: inputs, outputs: outputs, bias: nil) { o, _, i in
      Float(o * 7 + i * 3 % 5) / 16
    }
    let old = random.floats(count: rows * outputs)
    for kernels in KernelSet.supported {
      var fresh = [Float](repeating: .nan, count: old.count)
      var added = old
      fresh.withUnsafeMutableBufferPointer { kernels.multiply(x, packed, into: $0.baseAddress!, rows: rows) }
      added.withUnsafeMutableBufferPointer {
        kernels.multiply(x, packed, into: $0.baseAddress!, rows: rows, adds: true)
      }
      #expect(added == zip(old, fresh).map { $0 + $1 })
    }
  }
}
