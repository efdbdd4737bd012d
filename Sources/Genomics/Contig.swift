/// One sequence of a reference genome.
public struct Contig: Hashable, Sendable {
  /// Name as the reference spells it.
  public let name: String
  /// Length in bases.
  public let length: Int

  public init(name: String, length: Int) {
    precondition(length >= 0, "contig \(name) has a negative length")
    self.name = name
    self.length = length
  }

  /// The base at a position that counts on beyond the ends, as on a circular contig.
  public func wrapped(_ position: Int) -> Int { ((position % length) + length) % length }

  /// The whole contig.
  public var interval: Interval { Interval(contig: name, start: 0, end: length) }
}
