public import Engine

/// Tells which windows lie so near a kink that their TISM depends on rounding (docs/numerics.md). Owned by one task.
public final class KinkDetector {
  private let model: WindowModel
  private let checker: PassChecker
  private let margin: Double

  /// Relative to the scale of a layer: a hundred times what rounding moves a pre-activation.
  public static let defaultMargin = PassChecker.kinkMargin

  public init(_ model: WindowModel, margin: Double = defaultMargin) throws {
    self.model = model
    self.margin = margin
    checker = try PassChecker(model.network, length: model.length, propagates: false, fast: false)
  }

  /// Near decisions that each target depends on. Exact ties are none: numbers that are equal because they were computed
  /// alike, as those of a repeat are, are equal in every precision.
  public func kinks(in codes: ArraySlice<UInt8>) -> [[NearKink]] {
    checker.setReference(codes)
    return model.targets.map { target in
      checker.surveyed(target.frozen(at: checker.single.map { $0[...] }), margin: margin).kinks.filter {
        $0.distance > 0
      }
    }
  }
}
