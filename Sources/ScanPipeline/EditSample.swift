import Attribution
import Genomics

/// A seeded fraction of all edits, the same whatever the shards, tiles, threads and order of a run: each edit is in or out by
/// a hash of where it is.
struct EditSample: Sendable, Equatable {
  /// 0 for none to 1 for all.
  let fraction: Double
  let seed: UInt64

  init(fraction: Double, seed: UInt64 = 1) {
    self.fraction = fraction
    self.seed = seed
  }

  /// - Parameters:
  ///   - sequence: name of the contig or record.
  ///   - position: 0-based on the plus strand.
  ///   - base: code of the base that is put in, on the plus strand.
  ///   - strand: whose scores these are.
  func contains(_ sequence: UInt64, position: Int, base: UInt8, strand: Strand = .plus) -> Bool {
    let place = UInt64(position) << 3 | UInt64(base) << 1 | (strand == .plus ? 0 : 1)
    let draw = SeededGenerator.mixed(SeededGenerator.mixed(sequence ^ seed) &+ place &* 0x9E37_79B9_7F4A_7C15)
    return Double(draw >> 11) * 0x1p-53 < fraction
  }

  /// A number for a name (FNV-1a).
  static func number(of name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }

  /// The sampled edits of a stretch of a strand, columns counted from its first base.
  func edits(
    of bases: Range<Int>, _ codes: some Sequence<UInt8>, contig: Contig, strand: Strand
  ) -> [Edit] {
    let name = Self.number(of: contig.name)
    return zip(bases, codes).enumerated().flatMap { column, pair -> [Edit] in
      let (position, code) = pair
      guard code < 4 else { return [] }
      let plus = strand == .plus ? position : contig.length - 1 - position
      return (UInt8(0)..<4).filter {
        $0 != code && contains(name, position: plus, base: strand == .plus ? $0 : 3 - $0, strand: strand)
      }.map { Edit(column: column, base: $0) }
    }
  }
}
