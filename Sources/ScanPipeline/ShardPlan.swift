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
  static func shards(_ intervals: [Interval], contigs: [Contig], strands: [Strand]) -> [Manifest.Shard] {
    let numbers = Dictionary(uniqueKeysWithValues: contigs.enumerated().map { ($1.name, $0) })
    let total = intervals.reduce(0) { $0 + $1.length }
    let target = min(max(bases.lowerBound, (total + wanted - 1) / wanted), bases.upperBound)
    var (groups, group, size) = ([[Manifest.Stretch]](), [Manifest.Stretch](), 0)
    func close() {
      if !group.isEmpty { groups.append(group) }
      (group, size) = ([], 0)
    }
    for interval in intervals {
      let pieces = max(1, (interval.length + target / 2) / target)
      for piece in 0..<pieces {
        let start = interval.start + interval.length * piece / pieces
        let end = interval.start + interval.length * (piece + 1) / pieces
        if size > 0, size + (end - start) > target + target / 2 { close() }
        group.append(Manifest.Stretch(contig: numbers[interval.contig]!, start: start, end: end))
        size += end - start
        if size >= target { close() }
      }
    }
    close()
    return strands.flatMap { strand in groups.map { (strand, $0) } }.enumerated().map {
      Manifest.Shard(number: $0.offset, strand: $0.element.0, stretches: $0.element.1)
    }
  }
}
