/// Which positions of the input sequence a value reads.
public enum Dependence: Hashable, Sendable {
  /// Constant: reads nothing of the sequence.
  case nothing
  /// Entry `j` along one axis reads a window of positions around `step * j`.
  case window(PositionWindow)
  /// Every element may read every position.
  case everything

  /// What an element reads that is computed from elements of several values at the same index.
  public static func union(_ parts: [Dependence]) -> Dependence {
    var result = Dependence.nothing
    for part in parts {
      switch (result, part) {
      case (_, .nothing): continue
      case (.nothing, _): result = part
      case (.window(let a), .window(let b)):
        guard let both = a.union(b) else { return .everything }
        result = .window(both)
      default: return .everything
      }
    }
    return result
  }
}

/// Entry `j` along `axis` reads input positions `step * j - back ... step * j + ahead`.
///
/// `back` and `ahead` may be negative: an offset convolution may read only upstream positions.
public struct PositionWindow: Hashable, Sendable {
  public var axis: Int
  public var step: Int
  public var back: Int
  public var ahead: Int

  /// `back` (or more) of a value that reads everything upstream, as behind causal attention.
  public static let unbounded = 1 << 40
  /// False when the window reaches to the first position, wherever that is. Offsets, which are far smaller, may have been
  /// taken from or added to `back`.
  public var isBounded: Bool { back < Self.unbounded / 2 }

  public init(axis: Int, step: Int, back: Int, ahead: Int) {
    self.axis = axis
    self.step = step
    self.back = back
    self.ahead = ahead
  }

  /// The smallest window that holds both, when they run along the same axis at the same step.
  public func union(_ other: PositionWindow) -> PositionWindow? {
    guard axis == other.axis, step == other.step else { return nil }
    return PositionWindow(axis: axis, step: step, back: max(back, other.back), ahead: max(ahead, other.ahead))
  }

  /// The window of an operator whose output `t` reads entries `stride * t - back ... stride * t + ahead` of this value.
  public func reading(stride: Int, back: Int, ahead: Int) -> PositionWindow {
    PositionWindow(
      axis: axis, step: step * stride, back: step * back + self.back, ahead: step * ahead + self.ahead)
  }

  /// The window of an operator whose output `t` is entry `sources[t]` of this value.
  /// - Returns: `nil` when the entries do not run upwards, or repeat more often than there are positions between them.
  public func picking(_ sources: [Int]) -> PositionWindow? {
    guard let first = sources.first, let last = sources.last, last > first || sources.count == 1 else { return nil }
    let span = last - first + 1
    let (repeats, skips) =
      sources.count > span
      ? ((sources.count + span / 2) / span, 1)
      : (1, max(1, (span - 1 + (sources.count - 1) / 2) / max(1, sources.count - 1)))
    guard step % repeats == 0 else { return nil }
    var result = self
    result.step = step / repeats * skips
    // How far each entry lies from where an even walk would find it.
    let shifts = sources.enumerated().map { step * $1 - result.step * $0 }
    result.back = back - shifts.min()!
    result.ahead = ahead + shifts.max()!
    return result
  }
}
