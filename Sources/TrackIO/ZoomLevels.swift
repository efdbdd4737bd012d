/// Summaries of the values over ever larger stretches, made as the values pass.
///
/// A level's record covers what lies in one cell of a grid that begins at each contig's first base; it reaches from the first
/// to the last base with a value there. A cell has 32 bases in the finest level and four cells of the level below in the
/// others, so that each level follows from the one below to the last bit. Only the cells being filled are in memory.
struct ZoomLevels {
  /// Bases of a cell, by level.
  static let reductions = (0..<10).map { 32 << (2 * $0) }
  /// Records a block at most.
  private static let capacity = 512

  /// A cell being filled.
  private struct Cell {
    let number: Int
    /// The first base with a value, and one past the last.
    let start: Int
    var end: Int
    var summary = TrackSummary()
  }

  private struct Level {
    var cell: Cell?
    /// Records that wait to be a block, eight words each.
    var words: [UInt32] = []
    /// First base of the records that wait, and one past the last.
    var start = 0
    var end = 0
  }

  /// A block of a level's records.
  struct Records {
    let level: Int
    let block: IndexedBlock
  }

  private var contig = 0
  private var levels = [Level](repeating: Level(), count: reductions.count)
  /// Of all values whose cell in the finest level is complete.
  private(set) var total = TrackSummary()
  /// Blocks that are full; the owner takes them.
  var full: [Records] = []

  /// Adds bases of one value; they arrive in order.
  mutating func add(contig: Int, start: Int, end: Int, value: Double) {
    if contig != self.contig { finish() }
    self.contig = contig
    let reduction = Self.reductions[0]
    var start = start
    while start < end {
      let number = start / reduction
      let stop = min(end, (number + 1) * reduction)
      if levels[0].cell?.number != number {
        close(0)
        levels[0].cell = Cell(number: number, start: start, end: stop)
      }
      levels[0].cell!.end = stop
      levels[0].cell!.summary.add(value, count: stop - start)
      start = stop
    }
  }

  /// Completes the cells and blocks of the contig.
  mutating func finish() {
    for level in levels.indices {
      close(level)
      emit(level)
    }
  }

  /// Makes the open cell of a level a record, and part of the next level's cell.
  private mutating func close(_ level: Int) {
    guard let cell = levels[level].cell.take() else { return }
    if level == 0 { total.add(cell.summary) }
    if levels[level].words.isEmpty { levels[level].start = cell.start }
    levels[level].end = cell.end
    levels[level].words += [UInt32(contig), UInt32(cell.start), UInt32(cell.end)]
    levels[level].words += cell.summary.words
    if levels[level].words.count == 8 * Self.capacity { emit(level) }

    let next = level + 1
    guard next < levels.count else { return }
    let number = cell.number / 4
    if levels[next].cell?.number != number {
      close(next)
      levels[next].cell = Cell(number: number, start: cell.start, end: cell.end)
    }
    levels[next].cell!.end = cell.end
    levels[next].cell!.summary.add(cell.summary)
  }

  /// Makes the records that wait a block.
  private mutating func emit(_ level: Int) {
    let records = levels[level]
    guard !records.words.isEmpty else { return }
    full.append(
      Records(
        level: level,
        block: IndexedBlock(
          contig: contig, start: records.start, end: records.end, items: records.words.count / 8,
          bytes: [UInt8](records.words))))
    levels[level].words.removeAll(keepingCapacity: true)
  }
}
