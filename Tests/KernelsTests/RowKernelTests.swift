import Foundation
import Kernels
import TestSupport
import Testing

/// Softmax and layer normalisation of one row, and what changes of the row make of them, against float64.
@Suite("Row kernels")
struct RowKernelTests {
  static let counts = [1, 2, 3, 15, 16, 17, 31, 64, 100]

  private func softmax(_ x: [Double]) -> [Double] {
    let most = x.max()!
    let powers = x.map { exp($0 - most) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  private func normalized(_ x: [Double], _ scale: [Float], _ shift: [Float], _ epsilon: Double) -> [Double] {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    return x.indices.map { (x[$0] - mean) / (variance + epsilon).squareRoot() * Double(scale[$0]) + Double(shift[$0]) }
  }

  private func run(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    var y = [Float](repeating: .nan, count: count)
    y.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    return y
  }

  @Test("softmax gives shares to a few units in the last place", arguments: counts, [1.0, 0.3])
  func softmaxRow(_ count: Int, _ scale: Double) {
    var random = SplitMix64(seed: UInt64(count))
    let x = random.floats(count: count).map { $0 * 20 }
    let wanted = softmax(x.map { Double($0) * scale })
    for kernels in KernelSet.supported {
      for precisely in [false, true] {
        let got = run(count) { kernels.softmax(x, into: $0, count: count, scale: scale, precisely: precisely) }
        for (got, wanted) in zip(got, wanted) { #expect(abs(Double(got) - wanted) <= 4e-6 * wanted + 1e-30) }
      }
    }
  }

  /// Changes of every size, up and down, alone or of all entries; the row may be saturated.
  @Test("a change of the row gives the change of its shares", arguments: counts, [1e-6, 1e-2, 1, 12, 40, 80])
  func softmaxDifference(_ count: Int, _ size: Double) {
    var random = SplitMix64(seed: UInt64(count) &* 31 &+ UInt64(size))
    for (spread, pattern) in [(1, 0), (30, 0), (1, 1), (38, 1), (38, 2), (60, 2), (1, 3)] as [(Float, Int)] {
      let x = random.floats(count: count).map { $0 * spread }
      let top = x.indices.max { x[$0] < x[$1] }!
      let d = x.indices.map { j -> Float in
        switch pattern {
        case 0: Float.random(in: -1...1, using: &random) * Float(size)
        case 1: j == top ? -Float(size) : 0
        case 2: j == 0 ? Float(size) : 0
        default: Float(size)
        }
      }
      let old = softmax(x.map(Double.init))
      let wanted = zip(softmax(zip(x, d).map { Double($0) + Double($1) }), old).map { $0 - $1 }
      let largest = wanted.map(abs).max()!
      for kernels in KernelSet.supported {
        let got = run(count) { kernels.softmaxDifference(x, d, into: $0, count: count) }
        for (got, wanted) in zip(got, wanted) {
          #expect(abs(Double(got) - wanted) <= 2e-6 * largest + 1e-9 * min(1, size), "\(kernels) \(spread) \(pattern)")
        }
        let shares = old.map { Float($0) }
        var isDone = false
        let fast = run(count) { isDone = kernels.shareChanges(shares, d, into: $0, count: count, scale: 1) }
        guard isDone else { continue }
        for (got, wanted) in zip(fast, wanted) {
          // Shares are rounded: relative to the change of the whole row.
          #expect(abs(Double(got) - wanted) <= 4e-6 * largest + 4e-7 * min(1, size), "\(kernels) \(spread) \(pattern)")
        }
      }
    }
  }

  @Test("small changes of shares are computed from the shares", arguments: counts)
  func shareChangesAreDone(_ count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    let shares = softmax(random.floats(count: count).map(Double.init)).map { Float($0) }
    let d = random.floats(count: count)
    for kernels in KernelSet.supported {
      var isDone = false
      _ = run(count) { isDone = kernels.shareChanges(shares, d, into: $0, count: count, scale: 1) }
      #expect(isDone)
      _ = run(count) {
        isDone = kernels.shareChanges(shares, d.map { $0 * .nan }, into: $0, count: count, scale: 1)
      }
      #expect(!isDone)
    }
  }

  @Test("a sum is 16 chains added in a fixed tree", arguments: counts)
  func sum(_ count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    // Sizes so far apart that float64 rounds: otherwise every order of the sum would give the same.
    let x = random.floats(count: count).enumerated().map { $1 * Float(1 << ($0 * 13 % 61)) }
    var chains = [Double](repeating: 0, count: 16)
    for (entry, value) in x.enumerated() { chains[entry % 16] += Double(value) }
    for width in [8, 4, 2, 1] { for lane in 0..<width { chains[lane] += chains[lane + width] } }
    for kernels in KernelSet.supported { #expect(kernels.sum(x, count: count) == chains[0], "\(kernels)") }
  }

  @Test("a transpose moves every entry and writes nothing else", arguments: counts, [1, 7, 8, 16, 27])
  func transpose(_ rows: Int, _ columns: Int) {
    var random = SplitMix64(seed: UInt64(rows * 100 + columns))
    let (xStride, yStride) = (columns + 3, rows + 2)
    let x = random.floats(count: rows * xStride)
    for kernels in KernelSet.supported {
      let y = run(columns * yStride) {
        kernels.transpose(x, xStride: xStride, rows: rows, columns: columns, into: $0, yStride: yStride)
      }
      for index in y.indices {
        let (column, row) = (index / yStride, index % yStride)
        if row < rows { #expect(y[index] == x[row * xStride + column]) } else { #expect(y[index].isNaN) }
      }
    }
  }

  @Test("a combination rounds the second product and the sum once", arguments: counts)
  func combine(_ count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    let (x, old) = (random.floats(count: count), random.floats(count: count))
    let wanted = zip(x, old).map { (Float(0.7) * $1).addingProduct(-1.3, $0) }
    for kernels in KernelSet.supported {
      let y = run(count) {
        $0.update(from: old, count: count)
        kernels.combine(0.7, $0, -1.3, x, count: count)
      }
      #expect(y.map(\.bitPattern) == wanted.map(\.bitPattern))
    }
  }

  @Test("layer normalisation and its change", arguments: counts, [1e-6, 1e-2, 1.0, 100])
  func normalization(_ count: Int, _ size: Double) {
    var random = SplitMix64(seed: UInt64(count) &* 17 &+ UInt64(size))
    let epsilon = 1e-5
    let (scale, shift) = (random.floats(count: count), random.floats(count: count))
    for pattern in 0..<3 {
      let x = random.floats(count: count).map { $0 * (pattern == 2 ? 100 : 2) }
      // Random changes; all alike; and one that leaves the row constant, as a switched-off layer does.
      let d = x.map {
        pattern == 0 ? Float.random(in: -1...1, using: &random) * Float(size) : pattern == 1 ? Float(size) : -$0
      }
      let old = normalized(x.map(Double.init), scale, shift, epsilon)
      let new = normalized(zip(x, d).map { Double($0) + Double($1) }, scale, shift, epsilon)
      let change = zip(new, old).map { $0 - $1 }
      let largest = change.map(abs).max()!
      for kernels in KernelSet.supported {
        let got = run(count) {
          kernels.normalize(x, scale: scale, shift: shift, epsilon: epsilon, into: $0, count: count)
        }
        for (got, wanted) in zip(got, old) { #expect(abs(Double(got) - wanted) <= 1e-6 * max(1, abs(wanted))) }
        let moved = run(count) {
          kernels.normalizeDifference(x, d, scale: scale, epsilon: epsilon, into: $0, count: count)
        }
        for (got, wanted) in zip(moved, change) {
          #expect(abs(Double(got) - wanted) <= 1e-6 * largest + 1e-12 * max(1, size), "\(kernels) \(pattern)")
        }
      }
    }
  }

  @Test(
    "layers of few outputs equal float64, alike on every instruction set",
    arguments: [(20, 2), (33, 8), (64, 1), (17, 3), (7, 5), (100, 7)], [(1, 1), (5, 1), (6, 2)])
  func narrow(_ size: (inputs: Int, outputs: Int), _ taps: (count: Int, dilation: Int)) {
    var random = SplitMix64(seed: UInt64(size.inputs * 8 + size.outputs))
    let (rows, apart) = (11, size.inputs)
    let length = rows + (taps.count - 1) * taps.dilation
    let x = random.floats(count: length * apart)
    let w = random.floats(count: size.outputs * taps.count * size.inputs)
    let bias = random.floats(count: size.outputs)
    let packed = PackedWeights(taps: taps.count, inputs: size.inputs, outputs: size.outputs, bias: bias) { o, tap, i in
      w[(o * taps.count + tap) * size.inputs + i]
    }
    let geometry = RowGeometry(inputRows: length, outputRows: rows, dilation: taps.dilation)
    var first: [UInt32]?
    for kernels in KernelSet.supported {
      for precisely in [false, true] {
        let got = run(rows * size.outputs) {
          kernels.convolve(
            x, xStride: apart, packed, into: $0, yStride: size.outputs, rows: geometry, precisely: precisely)
        }
        for t in 0..<rows {
          for o in 0..<size.outputs {
            var (sum, sizes) = (Double(bias[o]), 0.0)
            for tap in 0..<taps.count {
              for i in 0..<size.inputs {
                let term =
                  Double(x[(t + tap * taps.dilation) * apart + i]) * Double(w[(o * taps.count + tap) * size.inputs + i])
                sum += term
                sizes += abs(term)
              }
            }
            let error = abs(Double(got[t * size.outputs + o]) - sum)
            #expect(error <= (precisely ? 6e-8 * abs(sum) + 1e-12 : 1e-6 * sizes), "\(kernels)")
          }
        }
        guard !precisely else { continue }
        let bits = got.map(\.bitPattern)
        #expect(first == nil || first == bits)
        first = bits
      }
    }
  }
}
