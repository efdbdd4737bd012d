import Attribution
import Genomics

/// Counts for `run.json` that hold for any cut of the work: what lies in several units is counted with the first of them.
extension ShardScanner {
  /// Windows and padding of a unit; bases are counted where they are read.
  func counts(of unit: WorkUnit) -> UnitResult.Counts {
    var counts = UnitResult.Counts()
    for (index, stretch) in unit.stretches.enumerated() {
      let length = contigs[stretch.contig].length
      let preceding = unit.preceding(index, contigLength: length)
      // Models of an ensemble have the same windows.
      switch plans[0] {
      case .positions(let models, _):
        // A linear contig shorter than a fixed-length model is followed by zero columns.
        if preceding == nil, !circular.contains(stretch.contig) {
          counts.padded += max(0, (models[0].network.fixedLength ?? 0) - length)
        }
      case .windows(let model, let placements):
        let placement = placements[unit.strand]![stretch.contig]
        for piece in placement.wholePieces(touching: strandRange(stretch, unit.strand))
        where preceding.map({ $0 < piece.bases.lowerBound }) ?? true {
          counts.windows += 1
          let bounds = StrandBases.bounds(contigLength: length, isCircular: circular.contains(stretch.contig))
          counts.padded += model.length - (piece.window..<piece.window + model.length).clamped(to: bounds).count
        }
      }
    }
    return counts
  }
}
