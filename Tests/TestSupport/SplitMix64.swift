/// A small seeded generator (Steele, Lea and Flood 2014), the same numbers on every machine.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` floats uniform in [-1, 1).
  public mutating func floats(count: Int) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1..<1, using: &self) }
  }

  /// `count` base codes 0...3.
  public mutating func bases(count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0..<4, using: &self) }
  }
}
