internal import CPeak

/// The machine's multiply-add peak: chains of float multiply-adds in registers, with its widest vectors.
enum MultiplyAddPeak {
  /// Multiply-adds a second of one thread, over at least `seconds`.
  static func measure(seconds: Double) -> Double {
    let start = now()
    var done: Int64 = 0
    var elapsed = 0.0
    while elapsed < seconds {
      done += tismscan_multiply_add_rounds(1 << 16)
      elapsed = now() - start
    }
    return Double(done) / elapsed
  }
}
