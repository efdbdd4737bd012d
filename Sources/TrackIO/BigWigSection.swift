/// Bases and values of one contig that will become one section of a bigWig.
struct BigWigSection {
  /// Items a section at most, as UCSC's tools have it.
  static let capacity = 1024
  /// A gap ends a section of this many consecutive bases, so that dense stretches stay in the densest layout.
  private static let denseEnough = 256

  /// The three layouts of a bigWig section.
  enum Layout: Equatable {
    /// 4 bytes a base: consecutive bases.
    case fixedStep
    /// 8 bytes a base: any ascending bases.
    case variableStep
    /// 12 bytes a run of equal values.
    case intervals
  }

  private(set) var contig = 0
  /// Ascending positions, 0-based.
  private(set) var positions: [UInt32] = []
  /// The value at each position.
  private(set) var values: [Float] = []
  /// Number of maximal runs of consecutive bases with equal values.
  private var runs = 0

  var isEmpty: Bool { positions.isEmpty }

  /// Whether the bases are consecutive.
  private var isConsecutive: Bool { Int(positions.last! - positions[0]) == positions.count - 1 }

  /// Whether the section has to be written before a base is added.
  func mustEnd(before position: UInt32, contig: Int) -> Bool {
    guard let last = positions.last else { return false }
    return positions.count == Self.capacity || contig != self.contig
      || (position != last + 1 && positions.count >= Self.denseEnough && isConsecutive)
  }

  mutating func add(contig: Int, position: UInt32, value: Float) {
    if positions.isEmpty || position != positions.last! + 1 || value != values.last! { runs += 1 }
    self.contig = contig
    positions.append(position)
    values.append(value)
  }

  mutating func removeAll() {
    positions.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    runs = 0
  }

  /// The layout that takes the fewest bytes.
  var layout: Layout {
    let bases = isConsecutive ? 4 * positions.count : 8 * positions.count
    if 12 * runs < bases { return .intervals }
    return isConsecutive ? .fixedStep : .variableStep
  }

  /// The maximal runs of consecutive bases with equal values, as parallel arrays.
  func equalRuns() -> (starts: [UInt32], ends: [UInt32], values: [Float]) {
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    var runValues: [Float] = []
    for (position, value) in zip(positions, values) {
      if ends.last == position, runValues.last == value {
        ends[ends.count - 1] = position + 1
      } else {
        starts.append(position)
        ends.append(position + 1)
        runValues.append(value)
      }
    }
    return (starts, ends, runValues)
  }
}
