import Genomics

/// Cuts the scored bases into shards of about equal cost. The cut never changes a value and never depends on threads.
enum ShardPlan {
  /// Shards that a run is cut into unless they would get too big or too small.
  static let wanted = 128
  /// Bases a shard: small enough to redo, large enough that its start costs little.
  static let bases = 512...131_072

  /// - Parameters:
  ///   - intervals: maximal runs of scored bases in track order.
  ///   - contigs: in track order.
  ///   - keepsBlocks: never cut a block of the contig grid (``GridBlock``).
  static func shards(_ intervals: [Interval], contigs: [Contig], strands: [Strand], keepsBlocks: Bool = false)
    -> [Manifest.Shard]
  {
    let numbers = Dictionary(uniqueKeysWithValues: contigs.enumerated().map { ($1.name, $0) })
    let total = intervals.reduce(0) { $0 + $1.length }
    let target = min(max(bases.lowerBound, (total + wanted - 1) / wanted), bases.upperBound)
    var (groups, group, size) = ([[Manifest.Stretch]](), [Manifest.Stretch](), 0)
    func close() {
      if !group.isEmpty { groups.append(group) }
      (group, size) = ([], 0)
    }
    func add(_ pieces: [Manifest.Stretch]) {
      let bases = pieces.reduce(0) { $0 + $1.range.count }
      if size > 0, size + bases > target + target / 2 { close() }
      group += pieces
      size += bases
      if size >= target { close() }
    }
    if keepsBlocks {
      let stretches = intervals.map { Manifest.Stretch(contig: numbers[$0.contig]!, start: $0.start, end: $0.end) }
      for block in GridBlock.blocks(of: stretches) {
        add(
          block.runs.map {
            Manifest.Stretch(contig: block.contig, start: $0.positions.lowerBound, end: $0.positions.upperBound)
          })
      }
    } else {
      for interval in intervals {
        let pieces = max(1, (interval.length + target / 2) / target)
        for piece in 0..<pieces {
          let start = interval.start + interval.length * piece / pieces
          let end = interval.start + interval.length * (piece + 1) / pieces
          add([Manifest.Stretch(contig: numbers[interval.contig]!, start: start, end: end)])
        }
      }
    }
    close()
    return strands.flatMap { strand in groups.map { (strand, $0) } }.enumerated().map {
      Manifest.Shard(number: $0.offset, strand: $0.element.0, stretches: $0.element.1)
    }
  }
}
