/// How many items lie over each base, from items that arrive by start: the values a bigBed's zoom levels summarise.
struct CoverageDepth {
  /// Bases of one depth, which is never 0.
  struct Run: Equatable {
    let start: Int
    let end: Int
    let depth: Int
  }

  /// Ends of the items that reach past `position`, descending.
  private var ends: [Int] = []
  /// The first base whose depth was not given yet.
  private var position = 0

  /// Adds an item and gives the runs before it; items of one contig arrive by start.
  mutating func add(start: Int, end: Int) -> [Run] {
    let runs = advance(to: start)
    // Few items overlap, as a rule, and the newest reaches furthest: search from the front.
    let place = ends.firstIndex { $0 <= end } ?? ends.count
    ends.insert(end, at: place)
    return runs
  }

  /// The runs to the end of the contig; another begins then.
  mutating func finish() -> [Run] {
    let runs = advance(to: ends.first ?? position)
    position = 0
    return runs
  }

  private mutating func advance(to target: Int) -> [Run] {
    var runs: [Run] = []
    while let end = ends.last, position < target {
      let stop = min(end, target)
      if position < stop { runs.append(Run(start: position, end: stop, depth: ends.count)) }
      position = stop
      while ends.last == position { ends.removeLast() }
    }
    position = max(position, target)
    return runs
  }
}
