internal import Engine

/// Finds windows that hold the same bases as a stretch of sequence, and keeps that stretch going. Owned by one task.
///
/// A window is shared only where its own bases agree with those of the stretch: whatever its start says, its scores are
/// those of its bases.
final class WindowSharing {
  private let trunk: SharedTrunk
  /// Made when first wanted: windows that are edited here and there never share.
  private(set) lazy var stretch = TrunkStretch(trunk)
  private let length: Int
  /// Base codes of the stretch, and where its first one lies.
  private var codes: [UInt8] = []
  private var origin = 0
  /// A window start that the trunk's steps are counted from.
  private var anchor = 0

  init(_ trunk: SharedTrunk, length: Int) {
    self.trunk = trunk
    self.length = length
  }

  /// Windows handed over at once where that makes no difference: a signal is heard between them.
  static let usualGroup = 32
  /// Windows ahead that let the stretch grow by long pieces.
  var windowsAtOnce: Int { max(Self.usualGroup, (trunk.capacity - length) / trunk.step) }

  /// What to do with leading windows.
  enum Placement {
    /// They start here in the stretch.
    case shared(at: [Int])
    /// So many of them cost less by themselves.
    case alone(Int)
  }

  /// - Parameters:
  ///   - windows: the further they reach ahead, the longer the pieces that the stretch grows by.
  ///   - limit: most windows wanted.
  func place(_ windows: ArraySlice<WindowTask>, atMost limit: Int) -> Placement {
    let wanted = windows.prefix(limit)
    if !wanted.allSatisfy(holds) {
      let row = row(of: windows)
      if begins(windows.first!) {
        grow(over: windows.prefix(row))
      } else if trunk.pays(forWindows: row) {
        stretch.drop(stretch.count)
        (origin, anchor) = (windows.first!.start!, windows.first!.start!)
        codes = []
        grow(over: windows.prefix(row))
      } else {
        var alone = row
        while alone < limit, case let next = self.row(of: windows.dropFirst(alone)), next > 0,
          !trunk.pays(forWindows: next)
        { alone += next }
        return .alone(min(alone, limit))
      }
    }
    return .shared(at: wanted.prefix(while: holds).map { $0.start! - origin })
  }

  /// How many leading windows follow each other one step apart and agree where they overlap; 0 of none.
  private func row(of windows: ArraySlice<WindowTask>) -> Int {
    let step = trunk.step
    let pairs = zip(windows, windows.dropFirst())
    return min(1, windows.count)
      + pairs.prefix { one, next in
        guard let start = one.start, one.codes.count == length, next.codes.count == length else { return false }
        return next.start == start + step && one.codes.dropFirst(step).elementsEqual(next.codes.dropLast(step))
      }.count
  }

  /// Whether a window begins on the stretch with the same bases; it may read on beyond its end.
  private func begins(_ window: WindowTask) -> Bool {
    guard let start = window.start, window.codes.count == length, 0..<codes.count ~= start - origin,
      (start - anchor) % trunk.step == 0
    else { return false }
    let held = codes[(start - origin)...].prefix(length)
    return held.elementsEqual(window.codes.prefix(held.count))
  }

  /// Whether a window is part of the stretch.
  private func holds(_ window: WindowTask) -> Bool {
    begins(window) && window.start! + length <= origin + codes.count
  }

  /// Makes the stretch hold the first window, and as many of the others as it has room for.
  private func grow(over windows: ArraySlice<WindowTask>) {
    let passed = (windows.first!.start! - origin) / trunk.period * trunk.period
    stretch.drop(passed)
    codes.removeFirst(passed)
    origin += passed
    let held = codes.count
    for window in windows {
      let end = origin + codes.count
      guard window.start! + length - origin <= trunk.capacity else { break }
      codes += window.codes.dropFirst(max(0, end - window.start!))
    }
    let added = codes[held...]
    guard !added.isEmpty else { return }
    stretch.extend(by: added.count) { input in
      for (column, code) in added.enumerated() where code < 4 { input[column * 4 + Int(code)] = 1 }
    }
  }
}
