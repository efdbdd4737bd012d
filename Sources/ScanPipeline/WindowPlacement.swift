/// Which window scores which bases of one strand of a contig. Strand coordinates throughout; windows have `length` bases.
struct WindowPlacement: Sendable {
  /// A window and the bases it is to score.
  struct Piece: Hashable, Sendable {
    /// First base of the window; negative where it begins before the contig.
    let window: Int
    let bases: Range<Int>
  }

  let contigLength: Int
  /// Ascending pieces. They never overlap, except under ``OverlapRule/mean``.
  private let pieces: [Piece]

  /// The grid of a contig: windows start at 0, `step`, 2 `step`, ... as long as they fit, and one more ends at the contig's
  /// end when the last of those does not. A base belongs to the window whose centre is nearest, to the upstream one among
  /// equals. A contig shorter than a window has one window at 0.
  init(gridOn contigLength: Int, length: Int, step: Int) {
    precondition(1...length ~= step, "a step of \(step) leaves bases between windows of \(length)")
    var starts = Array(stride(from: 0, through: max(0, contigLength - length), by: step))
    if let last = starts.last, last + length < contigLength { starts.append(contigLength - length) }
    self.contigLength = contigLength
    pieces = Self.central(starts, length: length, contigLength: contigLength)
  }

  /// Windows of regions.
  /// - Parameter starts: first base of each window, in the order of the file.
  init(starts: [Int], length: Int, contigLength: Int, overlap: OverlapRule) {
    self.contigLength = contigLength
    switch overlap {
    case .central: pieces = Self.central(Set(starts).sorted(), length: length, contigLength: contigLength)
    case .first: pieces = Self.first(starts, length: length, contigLength: contigLength)
    case .mean:
      pieces = Set(starts).sorted().map {
        Piece(window: $0, bases: max(0, $0)..<max(0, min(contigLength, $0 + length)))
      }
    }
  }

  /// Pieces that cover bases of `stretch`, cut to it.
  func pieces(covering stretch: Range<Int>) -> [Piece] {
    // Both ends of the pieces ascend, so that a binary search finds the first.
    var (low, high) = (0, pieces.count)
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].bases.upperBound <= stretch.lowerBound { low = middle + 1 } else { high = middle }
    }
    return pieces[low...].prefix { $0.bases.lowerBound < stretch.upperBound }.compactMap {
      let bases = $0.bases.clamped(to: stretch)
      return bases.isEmpty ? nil : Piece(window: $0.window, bases: bases)
    }
  }

  /// Bases that some window covers, as ascending ranges.
  var covered: [Range<Int>] {
    pieces.reduce(into: []) { ranges, piece in
      if let last = ranges.last, piece.bases.lowerBound <= last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, piece.bases.upperBound)
      } else if !piece.bases.isEmpty {
        ranges.append(piece.bases)
      }
    }
  }

  /// - Parameter starts: ascending, distinct.
  private static func central(_ starts: [Int], length: Int, contigLength: Int) -> [Piece] {
    // Base i is nearer to the window at a than to the one at b > a when 2 i + 1 <= a + b + length.
    func border(_ a: Int, _ b: Int) -> Int { (a + b + length - 1) >> 1 + 1 }
    return starts.indices.map { index in
      let start = starts[index]
      let first = index == 0 ? start : max(start, border(starts[index - 1], start))
      let end = index == starts.count - 1 ? start + length : min(start + length, border(start, starts[index + 1]))
      let low = min(max(0, first), contigLength)
      return Piece(window: start, bases: low..<max(low, min(contigLength, end)))
    }
  }

  private static func first(_ starts: [Int], length: Int, contigLength: Int) -> [Piece] {
    let order = starts.indices.sorted { (starts[$0], $0) < (starts[$1], $1) }
    let borders = Set(starts.flatMap { [$0, $0 + length] }.map { min(max(0, $0), contigLength) }).sorted()
    var (pieces, low) = ([Piece](), 0)
    for (from, to) in zip(borders, borders.dropFirst()) {
      while low < order.count, starts[order[low]] + length <= from { low += 1 }
      let covering = order[low...].prefix { starts[$0] < to }
      guard let winner = covering.filter({ starts[$0] + length > from }).min() else { continue }
      if let last = pieces.last, last.window == starts[winner], last.bases.upperBound == from {
        pieces[pieces.count - 1] = Piece(window: last.window, bases: last.bases.lowerBound..<to)
      } else {
        pieces.append(Piece(window: starts[winner], bases: from..<to))
      }
    }
    return pieces
  }
}
