import Attribution
import Genomics

/// Which bases an audit draws: strata by the size of TISM within each block of the contig grid, and by coding or not where
/// genes are known. A base's three alternates are drawn together, because they share the costly reference pass.
///
/// The draw of a block depends on its scores and a hash of contig, position and strand: on nothing else of the run but how
/// many bases it scores.
struct AuditSampling: Sendable {
  /// Where the strata of a block end, as shares of its bases in order of falling size. Each is drawn from alike, so that
  /// the few large scores, which decide correlations and what is found, are not missed.
  static let borders = [0.003, 0.01, 0.03, 0.1, 0.3, 1]

  /// A base of a unit that was drawn.
  struct Unit: Equatable, Sendable {
    /// Among the unit's bases.
    let base: Int
    let stratum: Int
    /// Inverse of the probability that it was drawn with.
    let weight: Double
  }

  /// Bases to draw over the whole run.
  let bases: Int
  /// Strand bases that the run scores, unknown ones included.
  let total: Int
  /// Coding bases by contig, ascending; `nil` when no genes are known.
  let coding: [[Range<Int>]]?

  static func strataCount(hasGenes: Bool) -> Int { borders.count * (hasGenes ? 2 : 1) }
  var strataCount: Int { Self.strataCount(hasGenes: coding != nil) }

  /// Strata of coding bases follow those of others.
  static func isCoding(_ stratum: Int) -> Bool { stratum >= borders.count }

  /// What a stratum holds, in words.
  static func name(ofStratum stratum: Int, hasGenes: Bool) -> String {
    func percent(_ share: Double) -> String { fixed(100 * share, digits: share < 0.01 ? 1 : 0) }
    let rank = stratum % borders.count
    let size = "\(rank == 0 ? "0" : percent(borders[rank - 1])) to \(percent(borders[rank])) % largest TISM of a block"
    return hasGenes ? size + (isCoding(stratum) ? ", coding" : ", not coding") : size
  }

  /// Draws from one strand's block.
  /// - Parameters:
  ///   - codes: of the unit's bases; unknown ones are not drawn.
  ///   - population: gains the bases of each stratum.
  func draw(
    _ block: GridBlock, _ sizes: EditSizes, codes: [UInt8], contig: Contig, strand: Strand, population: inout [Int]
  ) -> [Unit] {
    var known: [(base: (index: Int, position: Int), size: Double)] = []
    for (number, base) in block.bases.enumerated() where codes[base.index] < 4 {
      known.append((base, sizes.largest(ofBase: number) ?? 0))
    }
    known.sort { $0.size != $1.size ? $0.size > $1.size : $0.base.index < $1.base.index }

    var strata = [[(index: Int, position: Int)]](repeating: [], count: strataCount)
    var first = 0
    for (rank, border) in Self.borders.enumerated() {
      let end = Int((border * Double(known.count)).rounded(.up))
      for item in known[first..<end] {
        let isCoding = coding.map { Self.contains(item.base.position, in: $0[block.contig]) } ?? false
        strata[rank + (isCoding ? Self.borders.count : 0)].append(item.base)
      }
      first = end
    }
    for stratum in strata.indices { population[stratum] += strata[stratum].count }

    let share = bases >= total ? Double(known.count) : Double(bases) * Double(block.count) / Double(total)
    let seed = Self.hash([Self.hash(contig.name), UInt64(block.number), strand == .plus ? 0 : 1])
    var units: [Unit] = []
    for (stratum, expected) in expectations(strata.map(\.count), share).enumerated() where expected > 0 {
      let own = strata[stratum]
      let isWhole = expected >= Double(own.count)
      // A whole number of bases whose mean is the expected one.
      let start = Double(Self.hash([seed, UInt64(stratum)]) >> 11) * 0x1p-53
      let count = isWhole ? own.count : min(own.count, Int(expected + start))
      let weight = isWhole ? 1 : Double(own.count) / expected
      let drawn = isWhole ? own : Self.draw(count, of: own, seed: seed)
      units += drawn.map { Unit(base: $0.index, stratum: stratum, weight: weight) }
    }
    return units.sorted { $0.base < $1.base }
  }

  /// The `count` bases with the smallest hashes of their positions.
  private static func draw(_ count: Int, of bases: [(index: Int, position: Int)], seed: UInt64)
    -> [(index: Int, position: Int)]
  {
    func smallest(below limit: UInt64) -> [(base: (index: Int, position: Int), key: UInt64)] {
      var found: [(base: (index: Int, position: Int), key: UInt64)] = []
      for base in bases {
        let key = SeededGenerator.mixed((seed ^ UInt64(base.position)) &+ 0x9E37_79B9_7F4A_7C15)
        if key <= limit { found.append((base, key)) }
      }
      return found
    }
    // Hashes are spread evenly: those below a limit that nearly always leaves enough need be sorted alone.
    let enough = (Double(count) + 8 * Double(count + 4).squareRoot()) / Double(bases.count)
    var found = smallest(below: enough < 1 ? UInt64(enough * 0x1p64) : .max)
    if found.count < count { found = smallest(below: .max) }
    found.sort { ($0.key, $0.base.index) < ($1.key, $1.base.index) }
    return found.prefix(count).map(\.base)
  }

  /// How many bases to draw of each stratum, on average: the same of every size, by number of coding and other ones, and no
  /// more than there are; what that leaves goes to the others.
  private func expectations(_ counts: [Int], _ share: Double) -> [Double] {
    let sizes = (0..<Self.borders.count).map { rank in
      stride(from: rank, to: counts.count, by: Self.borders.count).reduce(0) { $0 + counts[$1] }
    }
    var wanted = counts.map { _ in 0.0 }
    var open = counts.indices.filter { counts[$0] > 0 }
    var left = share
    func weight(_ stratum: Int) -> Double { Double(counts[stratum]) / Double(sizes[stratum % Self.borders.count]) }
    while !open.isEmpty, left > 0 {
      let scale = left / open.reduce(0) { $0 + weight($1) }
      // A hair of room, so that a share of everything is everything after rounding.
      let full = open.filter { Double(counts[$0]) <= weight($0) * scale * (1 + 1e-9) }
      guard !full.isEmpty else {
        for stratum in open { wanted[stratum] = weight(stratum) * scale }
        break
      }
      for stratum in full {
        wanted[stratum] = Double(counts[stratum])
        left -= wanted[stratum]
      }
      open.removeAll(where: full.contains)
    }
    return wanted
  }

  private static func contains(_ position: Int, in ranges: [Range<Int>]) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound <= position { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(position)
  }

  private static func hash(_ parts: [UInt64]) -> UInt64 {
    parts.reduce(0x7469_736D) { SeededGenerator.mixed(($0 ^ $1) &+ 0x9E37_79B9_7F4A_7C15) }
  }

  private static func hash(_ text: String) -> UInt64 { hash(text.utf8.map(UInt64.init)) }
}
