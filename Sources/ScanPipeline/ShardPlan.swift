import Genomics

/// Cuts the scored bases into shards, and those into units of work, of about equal cost. A cut never changes a value and never
/// depends on threads.
struct ShardPlan {
  /// Shards that a run is cut into unless they would get too small, too large or too costly.
  static let wanted = 64
  /// Bases a shard: small enough to redo, large enough that its start costs little.
  static let bases = 512...1_048_576
  /// Multiply-adds a shard: minutes of one core.
  static let multiplyAdds = 2e13
  /// Bases a unit: large enough that flanks and windows cut in two cost little.
  static let unitBases = 512...16_384
  /// Bytes of a unit's scores.
  static let unitBytes = 1 << 25

  /// Bases of a strand in genome order.
  let stretches: [Manifest.Stretch]
  let strands: Int
  /// Never cut a block of the contig grid (``GridBlock``).
  let keepsBlocks: Bool
  /// Predicted multiply-adds of a strand base.
  let costOfBase: Double
  /// Bytes of a base's scores in a shard file.
  let bytesOfBase: Int
  /// Bases between windows; `nil` for models with one output a base.
  let step: Int?

  private var total: Int { stretches.reduce(0) { $0 + $1.range.count } }

  /// Shards unless a number is asked for.
  var defaultCount: Int {
    let affordable = Self.multiplyAdds / max(1, costOfBase * Double(strands))
    let bases = min(max(total / Self.wanted, Self.bases.lowerBound), Self.bases.upperBound)
    return (total + max(1, min(bases, Int(affordable))) - 1) / max(1, min(bases, Int(affordable)))
  }

  /// Bases a unit.
  var unit: Int {
    if keepsBlocks { return GridBlock.length }
    let even = min(max(total * strands / 128, Self.unitBases.lowerBound), Self.unitBases.upperBound)
    // A window that lies in two units runs twice.
    return min(max(even, 4 * (step ?? 0)), max(64, Self.unitBytes / bytesOfBase))
  }

  /// - Parameter count: shards wanted; fewer where there are fewer bases, or blocks that must stay whole.
  func shards(_ count: Int) -> [Manifest.Shard] {
    Self.cut(stretches, into: count, keepsBlocks: keepsBlocks).enumerated().map { number, stretches in
      let bases = stretches.reduce(0) { $0 + $1.range.count }
      return Manifest.Shard(
        number: number + 1, stretches: stretches, multiplyAdds: Int(costOfBase * Double(bases * strands)))
    }
  }

  /// Cuts stretches into at most `count` parts of about the same number of bases, none empty.
  static func cut(_ stretches: [Manifest.Stretch], into count: Int, keepsBlocks: Bool) -> [[Manifest.Stretch]] {
    let total = stretches.reduce(0) { $0 + $1.range.count }
    guard keepsBlocks else { return cut(stretches, into: min(count, total), total) }
    let blocks = GridBlock.blocks(of: stretches)
    let count = min(count, blocks.count)
    var parts: [[Manifest.Stretch]] = []
    var (part, done) = ([Manifest.Stretch](), 0)
    for (index, block) in blocks.enumerated() {
      part += block.runs.map {
        Manifest.Stretch(contig: block.contig, start: $0.positions.lowerBound, end: $0.positions.upperBound)
      }
      done += block.count
      let left = blocks.count - index - 1
      // Full, or every block that is left is needed for a part of its own.
      if done * count >= total * (parts.count + 1) || left == count - parts.count - 1 {
        parts.append(part)
        part = []
      }
    }
    return parts
  }

  private static func cut(_ stretches: [Manifest.Stretch], into count: Int, _ total: Int) -> [[Manifest.Stretch]] {
    var parts: [[Manifest.Stretch]] = []
    var (part, done) = ([Manifest.Stretch](), 0)
    for stretch in stretches {
      var start = stretch.start
      while start < stretch.end {
        let end = total * (parts.count + 1) / count
        let taken = min(stretch.end - start, end - done)
        part.append(Manifest.Stretch(contig: stretch.contig, start: start, end: start + taken))
        start += taken
        done += taken
        if done == end {
          parts.append(part)
          part = []
        }
      }
    }
    return parts
  }
}
