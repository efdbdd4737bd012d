import Genomics

/// The bases of one block of the contig grid that a unit scores. Whatever is chosen by comparing edits with each other is
/// chosen within a block, and a block is never cut by units: so that no choice depends on shards or units.
struct GridBlock: Sendable {
  /// Bases of a block of the grid, which starts at each contig's first base.
  static let length = 65_536

  /// Neighbouring scored bases.
  struct Run: Sendable {
    /// Plus-strand positions.
    let positions: Range<Int>
    /// Index of the first of them among the unit's bases.
    let first: Int
  }

  /// Index of the contig.
  let contig: Int
  /// Number of the block on its contig.
  let number: Int
  var runs: [Run]

  /// Scored bases, unknown ones included.
  var count: Int { runs.reduce(0) { $0 + $1.positions.count } }

  /// Index of each base among the unit's bases, with its plus-strand position, ascending.
  var bases: [(index: Int, position: Int)] {
    runs.flatMap { run in run.positions.map { (run.first + $0 - run.positions.lowerBound, $0) } }
  }

  /// The blocks of a unit's stretches, which ascend.
  static func blocks(of stretches: [Manifest.Stretch]) -> [GridBlock] {
    var blocks: [GridBlock] = []
    var first = 0
    for stretch in stretches {
      var start = stretch.start
      while start < stretch.end {
        let number = start / length
        let end = min(stretch.end, (number + 1) * length)
        let run = Run(positions: start..<end, first: first)
        if let last = blocks.last, last.contig == stretch.contig, last.number == number {
          blocks[blocks.count - 1].runs.append(run)
        } else {
          blocks.append(GridBlock(contig: stretch.contig, number: number, runs: [run]))
        }
        first += end - start
        start = end
      }
    }
    return blocks
  }
}

/// How large the TISM of a block's edits is, on one scale for all targets: magnitude over the block's mean magnitude, the
/// largest over the targets.
struct EditSizes: Sendable {
  /// Three alternates a base, in the order of the block's bases; `nil` where no target has a score.
  let values: [Double?]

  /// - Parameter scores: of each target, three a base of the unit.
  init(_ block: GridBlock, scores: [[Float]]) {
    var values = [Double?](repeating: nil, count: 3 * block.count)
    for target in scores {
      var (sum, count) = (0.0, 0)
      for run in block.runs {
        for edit in 3 * run.first..<3 * (run.first + run.positions.count) where !target[edit].isNaN {
          sum += Double(abs(target[edit]))
          count += 1
        }
      }
      let mean = count == 0 || sum == 0 ? 1 : sum / Double(count)
      var index = 0
      for run in block.runs {
        for edit in 3 * run.first..<3 * (run.first + run.positions.count) {
          if !target[edit].isNaN { values[index] = max(values[index] ?? 0, Double(abs(target[edit])) / mean) }
          index += 1
        }
      }
    }
    self.values = values
  }

  /// The largest of a base's three alternates.
  func largest(ofBase base: Int) -> Double? {
    var largest: Double?
    for edit in 3 * base..<3 * base + 3 {
      if let size = values[edit] { largest = max(largest ?? 0, size) }
    }
    return largest
  }
}
