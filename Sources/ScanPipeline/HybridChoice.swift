/// Which edits of a block a hybrid scan computes exactly.
///
/// Large TISM is where an error matters; a small one beside large ones is where it is most doubtful, because a saturated
/// unit hides what an edit does from its derivative. So edits are taken in order of their own size plus the root mean square
/// size of the bases around.
struct HybridChoice: Sendable {
  /// Share of each block's edits, over 0 and at most 1.
  let share: Double

  /// Bases on each side whose sizes count.
  static let neighbours = 15

  /// Indices of the edits (three a base of the unit), ascending.
  func edits(of block: GridBlock, _ sizes: EditSizes) -> [Int] {
    let bases = block.bases
    var sums = [0.0]
    for base in bases.indices {
      let squares = (0..<3).reduce(0.0) { $0 + (sizes.values[3 * base + $1].map { $0 * $0 } ?? 0) }
      sums.append(sums[base] + squares)
    }
    var (low, high) = (0, 0)
    var ranked: [(edit: Int, size: Double)] = []
    for (base, own) in bases.enumerated() {
      while bases[low].position < own.position - Self.neighbours { low += 1 }
      while high < bases.count, bases[high].position <= own.position + Self.neighbours { high += 1 }
      let around = (max(0, sums[high] - sums[low]) / Double(3 * (high - low))).squareRoot()
      for alternate in 0..<3 {
        guard let size = sizes.values[3 * base + alternate] else { continue }
        ranked.append((3 * own.index + alternate, size + around))
      }
    }
    let count = Int((share * Double(ranked.count)).rounded())
    guard count < ranked.count else { return ranked.map(\.edit) }
    ranked.sort { $0.size != $1.size ? $0.size > $1.size : $0.edit < $1.edit }
    return ranked.prefix(count).map(\.edit).sorted()
  }
}
