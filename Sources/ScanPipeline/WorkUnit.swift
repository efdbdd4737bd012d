import Genomics

/// Bases of one strand that one task scores: a part of a shard.
struct WorkUnit: Sendable {
  let strand: Strand
  /// Ascending, plus-strand positions.
  let stretches: [Manifest.Stretch]
  /// The stretches of the run before and after these, in genome order; they tell which windows belong to other units.
  var before: Manifest.Stretch?
  var after: Manifest.Stretch?

  /// Strand bases.
  var baseCount: Int { stretches.reduce(0) { $0 + $1.range.count } }

  /// The last scored base before stretch `index` in strand direction, in strand coordinates; `nil` when none is on its
  /// contig.
  func preceding(_ index: Int, contigLength: Int) -> Int? {
    let neighbour =
      strand == .plus
      ? (index == 0 ? before : stretches[index - 1])
      : (index == stretches.count - 1 ? after : stretches[index + 1])
    guard let neighbour, neighbour.contig == stretches[index].contig else { return nil }
    return strand == .plus ? neighbour.end - 1 : contigLength - 1 - neighbour.start
  }
}

extension Manifest {
  /// The stretches of a shard's units: each is scored once a strand.
  func parts(of shard: Shard) -> [[Stretch]] {
    let count = max(1, (shard.baseCount + unitBases / 2) / unitBases)
    return ShardPlan.cut(shard.stretches, into: count, keepsBlocks: settings.keepsBlocks)
  }

  /// The regions that are scored, for a plan that cannot read them again.
  var regionsAsked: [Region] {
    shards.flatMap(\.stretches).map {
      Region(interval: Interval(contig: genome[$0.contig].name, start: $0.start, end: $0.end))
    }
  }

  /// The units of a shard as its file has them: part by part, each for every strand.
  /// - Parameter index: of the shard.
  func units(ofShardAt index: Int) -> [WorkUnit] {
    let parts = parts(of: shards[index])
    let before = index > 0 ? shards[index - 1].stretches.last : nil
    let after = index + 1 < shards.count ? shards[index + 1].stretches.first : nil
    return parts.indices.flatMap { part in
      settings.scannedStrands.map { strand in
        WorkUnit(
          strand: strand, stretches: parts[part], before: part > 0 ? parts[part - 1].last : before,
          after: part + 1 < parts.count ? parts[part + 1].first : after)
      }
    }
  }
}
