import Kernels

/// The machine's multiply-add peak as the kernel of linear layers reaches it: a convolution 64 -> 64 channels of 3 taps,
/// everything in a core's own cache.
struct KernelPeak: Sendable {
  private static let channels = 64
  private static let taps = 3
  /// Input and output of 256 rows x 64 channels and the weights: 178 kB.
  private static let rows = 256

  /// Multiply-adds of one call.
  static var multiplyAdds: Int { rows * channels * channels * taps }

  /// Multiply-adds a second of one thread, over at least `seconds`.
  static func measure(seconds: Double) -> Double {
    let weights = PackedWeights(taps: taps, inputs: channels, outputs: channels, bias: nil) { output, tap, input in
      Float((output * 31 + tap * 17 + input * 7) % 13 - 6) / 16
    }
    let x = [Float](repeating: 0.5, count: (rows + taps - 1) * channels)
    var y = [Float](repeating: 0, count: rows * channels)
    let geometry = RowGeometry(inputRows: rows + taps - 1, outputRows: rows)
    let start = now()
    var calls = 0
    var elapsed = 0.0
    while elapsed < seconds {
      for _ in 0..<64 {
        KernelSet.best.convolve(x, xStride: channels, weights, into: &y, yStride: channels, rows: geometry)
      }
      calls += 64
      elapsed = now() - start
    }
    return Double(calls) * Double(multiplyAdds) / elapsed
  }
}
