/// Numbers that lie evenly in memory.
struct StridedEntries {
  let base: UnsafePointer<Float>
  /// Floats from one to the next; 0 where all are the same.
  let step: Int

  @inline(__always)
  subscript(entry: Int) -> Float { base[entry * step] }

  /// The first `count` of them as neighbours: where they are, or copied to `room`.
  @inline(__always)
  func sideBySide(_ count: Int, _ room: UnsafeMutablePointer<Float>) -> UnsafePointer<Float> {
    if step == 1 { return base }
    if step == 0 {
      room.update(repeating: base[0], count: count)
    } else {
      for i in 0..<count { room[i] = base[i * step] }
    }
    return UnsafePointer(room)
  }

  /// The same entry of two, or three, operands after the other. Steps that the compiler knows let it take whole vectors.
  @inline(__always)
  static func each(
    _ a: StridedEntries, _ b: StridedEntries, count: Int, _ body: (_ entry: Int, _ a: Float, _ b: Float) -> Void
  ) {
    switch (a.step, b.step) {
    case (1, 1): for c in 0..<count { body(c, a.base[c], b.base[c]) }
    case (1, 0): for c in 0..<count { body(c, a.base[c], b.base[0]) }
    case (0, 1): for c in 0..<count { body(c, a.base[0], b.base[c]) }
    default: for c in 0..<count { body(c, a[c], b[c]) }
    }
  }

  @inline(__always)
  static func each(
    _ a: StridedEntries, _ b: StridedEntries, _ d: StridedEntries, count: Int,
    _ body: (_ entry: Int, _ a: Float, _ b: Float, _ d: Float) -> Void
  ) {
    switch (a.step, b.step, d.step) {
    case (1, 1, 1): for c in 0..<count { body(c, a.base[c], b.base[c], d.base[c]) }
    case (1, 1, 0): for c in 0..<count { body(c, a.base[c], b.base[c], d.base[0]) }
    case (0, 0, 1): for c in 0..<count { body(c, a.base[0], b.base[0], d.base[c]) }
    default: for c in 0..<count { body(c, a[c], b[c], d[c]) }
    }
  }
}
