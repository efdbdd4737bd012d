internal import CKernels

extension KernelSet {
  /// `y = softmax(scale * x)` over `count` neighbouring entries; `x` and `y` may be the same memory.
  ///
  /// - Parameters:
  ///   - scale: positive.
  ///   - precisely: every entry is rounded once; `x` and `y` must then differ.
  public func softmax(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, scale: Double = 1,
    precisely: Bool = false
  ) {
    precondition(count > 0 && scale > 0)
    if precisely { table.softmax_row_precisely(x, y, count, scale) } else { table.softmax_row(x, y, count, scale) }
  }

  /// `dx = y * (dy - sum(y * dy))`, the gradient of `y = softmax(x)`; `dy` and `dx` may be the same memory.
  public func softmaxGradient(
    _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, count: Int,
    adds: Bool = false
  ) { table.softmax_row_gradient(y, dy, dx, count, adds) }

  /// `y = softmax(x + scale * d) - p` from the shares `p = softmax(x)`, every rounding relative to the change; `d` and `y` may
  /// not be the same memory.
  /// - Returns: false, with `y` undefined, when the old shares say nothing of the new ones: a change above 30 or not a
  ///   number, or the largest shares gone.
  public func shareChanges(
    _ p: UnsafePointer<Float>, _ d: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, scale: Double
  ) -> Bool { table.share_changes(p, d, y, count, scale) }

  /// `y = softmax(x + d) - softmax(x)` without cancellation; `y` differs from `x` and `d`.
  public func softmaxDifference(
    _ x: UnsafePointer<Float>, _ d: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    precondition(count > 0)
    table.softmax_row_difference(x, d, y, count)
  }

  /// The sum of `count` neighbouring entries in float64: 16 chains, added in a fixed tree.
  public func sum(_ x: UnsafePointer<Float>, count: Int) -> Double { table.sum_row(x, count) }

  /// `y = (x - mean) / sqrt(variance + epsilon) * scale + shift` over `count` neighbouring entries.
  public func normalize(
    _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, epsilon: Double,
    into y: UnsafeMutablePointer<Float>, count: Int
  ) { table.normalize_row(x, scale, shift, epsilon, y, count) }

  /// The gradient of ``normalize(_:scale:shift:epsilon:into:count:)``, added to `dx` when `adds`.
  public func normalizeGradient(
    _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>, epsilon: Double, _ dy: UnsafePointer<Float>,
    into dx: UnsafeMutablePointer<Float>, count: Int, adds: Bool
  ) { table.normalize_row_gradient(x, scale, epsilon, dy, dx, count, adds) }

  /// What ``normalize(_:scale:shift:epsilon:into:count:)`` gains when `x` gains `d`, without cancellation.
  public func normalizeDifference(
    _ x: UnsafePointer<Float>, _ d: UnsafePointer<Float>, scale: UnsafePointer<Float>, epsilon: Double,
    into y: UnsafeMutablePointer<Float>, count: Int
  ) { table.normalize_row_difference(x, d, scale, epsilon, y, count) }
}
