/// A strand of the double helix. Coordinates are always those of the plus strand.
public enum Strand: String, CaseIterable, Hashable, Sendable, Codable {
  case plus
  case minus

  /// The symbol used in BED: `+` or `-`.
  public var symbol: String { self == .plus ? "+" : "-" }
}
