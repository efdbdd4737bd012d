/// Which window scores which bases of one strand of a contig. Strand coordinates throughout; windows have `length` bases.
struct WindowPlacement: Sendable {
  /// A window and the bases it is to score.
  struct Piece: Hashable, Sendable {
    /// First base of the window; negative where it begins before the contig.
    let window: Int
    let bases: Range<Int>
  }

  let contigLength: Int
  private let length: Int
  private let isCircular: Bool
  private let windows: Windows

  private enum Windows {
    /// Made when they are wanted, because a genome has many.
    case grid(step: Int)
    /// Ascending pieces. They never overlap, except under ``OverlapRule/mean``.
    case pieces([Piece])
  }

  /// The grid of a contig: windows start at 0, `step`, 2 `step`, ... as long as they fit, and one more ends at the contig's
  /// end when the last of those does not. A base belongs to the window whose centre is nearest, to the upstream one among
  /// equals. A contig shorter than a window has one window at 0.
  ///
  /// On a circular contig windows start at 0, `step`, ... before the origin, and the last of them go on beyond it.
  init(gridOn contigLength: Int, length: Int, step: Int, isCircular: Bool = false) {
    precondition(1...length ~= step, "a step of \(step) leaves bases between windows of \(length)")
    (self.contigLength, self.length, self.isCircular) = (contigLength, length, isCircular)
    windows = .grid(step: step)
  }

  /// Windows of regions.
  /// - Parameter starts: first base of each window, in the order of the file.
  init(starts: [Int], length: Int, contigLength: Int, overlap: OverlapRule, isCircular: Bool = false) {
    (self.contigLength, self.length, self.isCircular) = (contigLength, length, isCircular)
    // Every lap in which a window may reach the contig's own bases.
    let laps = isCircular ? -(length / contigLength + 1)...(length / contigLength + 1) : 0...0
    let regions = starts.count
    let starts = laps.flatMap { lap in starts.map { $0 + lap * contigLength } }
    switch overlap {
    case .central: windows = .pieces(Self.central(Set(starts).sorted(), length: length, contigLength: contigLength))
    case .first:
      windows = .pieces(Self.first(starts, regions: regions, length: length, contigLength: contigLength))
    case .mean:
      windows = .pieces(
        Set(starts).sorted().map {
          Piece(window: $0, bases: ($0..<$0 + length).clamped(to: 0..<contigLength))
        })
    }
  }

  /// Numbers of the windows. On a circular contig those of the laps before and after count on, as far as they may reach.
  private var indices: Range<Int> {
    switch windows {
    case .pieces(let pieces): pieces.indices
    case .grid(let step) where isCircular:
      -(length / step + 2)..<lap(step) + length / step + 2
    case .grid(let step):
      0..<(contigLength <= length ? 1 : (contigLength - length + step - 1) / step + 1)
    }
  }

  /// Windows that start on a circular contig.
  private func lap(_ step: Int) -> Int { (contigLength + step - 1) / step }

  /// First base of window `index` of a grid; `nil` where there is none.
  private func start(_ index: Int, step: Int) -> Int? {
    if isCircular {
      let lap = lap(step)
      let number = (index % lap + lap) % lap
      return (index - number) / lap * contigLength + number * step
    }
    return indices.contains(index) ? min(index * step, max(0, contigLength - length)) : nil
  }

  /// The piece of window `index`.
  private func piece(_ index: Int) -> Piece {
    guard case .grid(let step) = windows else {
      guard case .pieces(let pieces) = windows else { preconditionFailure("a grid") }
      return pieces[index]
    }
    return Self.central(
      start(index, step: step)!, after: start(index - 1, step: step), before: start(index + 1, step: step),
      length: length, contigLength: contigLength)
  }

  /// Pieces that hold bases of `stretch`, whole.
  func wholePieces(touching stretch: Range<Int>) -> [Piece] {
    // Both ends of the pieces ascend, so that a binary search finds the first.
    let end = indices.upperBound
    var (low, high) = (indices.lowerBound, end)
    while low < high {
      // Numbers may be negative, and division rounds towards zero.
      let middle = low + (high - low) / 2
      if piece(middle).bases.upperBound <= stretch.lowerBound { low = middle + 1 } else { high = middle }
    }
    var found: [Piece] = []
    while low < end {
      let piece = piece(low)
      guard piece.bases.lowerBound < stretch.upperBound else { break }
      if !piece.bases.clamped(to: stretch).isEmpty { found.append(piece) }
      low += 1
    }
    return found
  }

  /// Pieces that cover bases of `stretch`, cut to it.
  func pieces(covering stretch: Range<Int>) -> [Piece] {
    wholePieces(touching: stretch).map { Piece(window: $0.window, bases: $0.bases.clamped(to: stretch)) }
  }

  /// Bases that some window covers, as ascending ranges.
  var covered: [Range<Int>] {
    guard case .pieces(let pieces) = windows else { return contigLength > 0 ? [0..<contigLength] : [] }
    return pieces.reduce(into: []) { ranges, piece in
      if let last = ranges.last, piece.bases.lowerBound <= last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, piece.bases.upperBound)
      } else if !piece.bases.isEmpty {
        ranges.append(piece.bases)
      }
    }
  }

  /// - Parameter starts: ascending, distinct.
  private static func central(_ starts: [Int], length: Int, contigLength: Int) -> [Piece] {
    starts.indices.map { index in
      central(
        starts[index], after: index > 0 ? starts[index - 1] : nil,
        before: index < starts.count - 1 ? starts[index + 1] : nil, length: length, contigLength: contigLength)
    }
  }

  /// The piece of the window at `start` between its neighbours.
  private static func central(_ start: Int, after previous: Int?, before next: Int?, length: Int, contigLength: Int)
    -> Piece
  {
    // Base i is nearer to the window at a than to the one at b > a when 2 i + 1 <= a + b + length.
    func border(_ a: Int, _ b: Int) -> Int { (a + b + length - 1) >> 1 + 1 }
    let first = previous.map { max(start, border($0, start)) } ?? start
    let end = next.map { min(start + length, border(start, $0)) } ?? start + length
    let low = min(max(0, first), contigLength)
    return Piece(window: start, bases: low..<max(low, min(contigLength, end)))
  }

  /// - Parameter starts: of `regions` regions in the order of the file, lap after lap.
  private static func first(_ starts: [Int], regions: Int, length: Int, contigLength: Int) -> [Piece] {
    let order = starts.indices.sorted { (starts[$0], $0) < (starts[$1], $1) }
    let borders = Set(starts.flatMap { [$0, $0 + length] }.map { min(max(0, $0), contigLength) }).sorted()
    var (pieces, low) = ([Piece](), 0)
    for (from, to) in zip(borders, borders.dropFirst()) {
      while low < order.count, starts[order[low]] + length <= from { low += 1 }
      let covering = order[low...].prefix { starts[$0] < to }
      let winner = covering.filter { starts[$0] + length > from }.min { ($0 % regions, $0) < ($1 % regions, $1) }
      guard let winner else { continue }
      if let last = pieces.last, last.window == starts[winner], last.bases.upperBound == from {
        pieces[pieces.count - 1] = Piece(window: last.window, bases: last.bases.lowerBound..<to)
      } else {
        pieces.append(Piece(window: starts[winner], bases: from..<to))
      }
    }
    return pieces
  }
}
