/// Values of one contig that will become one section of a bigWig, as runs of consecutive bases with equal values.
struct BigWigSection {
  /// Items a section at most, as UCSC's tools have it.
  private static let capacity = 1024
  /// A gap ends a section of this many consecutive bases, so that dense stretches stay in the densest layout.
  private static let denseEnough = 256

  /// The three layouts of a bigWig section, by the number that says so in its header.
  enum Layout: UInt32 {
    /// 12 bytes an item: start, end and value.
    case intervals = 1
    /// 8 bytes an item: start and value of items of one length.
    case variableStep = 2
    /// 4 bytes an item: the value of items of one length at equal distances.
    case fixedStep = 3
  }

  private(set) var contig = 0
  /// Ascending starts of the runs, 0-based, and their ends.
  private(set) var starts: [UInt32] = []
  private(set) var ends: [UInt32] = []
  private(set) var values: [Float] = []
  /// The end of the last run and its value, where the next base is compared with them.
  private var end: UInt32 = 0
  private var value: Float = 0
  /// Bases in all runs.
  private var bases = 0

  var isEmpty: Bool { starts.isEmpty }

  /// Whether a base fits in; otherwise the section has to be written before it is added.
  ///
  /// More than 1,024 bases are only taken while runs are the smallest way to write them.
  func takes(contig: Int, position: UInt32, value: Float) -> Bool {
    guard bases > 0 else { return true }
    let runs = starts.count + (position == end && value == self.value ? 0 : 1)
    guard contig == self.contig, runs <= Self.capacity, bases < Self.capacity || 3 * runs <= bases + 1 else {
      return false
    }
    return position == end || bases < Self.denseEnough || !isConsecutive || 3 * starts.count < bases
  }

  /// Adds a base.
  mutating func add(contig: Int, position: UInt32, value: Float) {
    if bases > 0, position == end, value == self.value {
      ends[ends.count - 1] = position + 1
    } else {
      self.contig = contig
      self.value = value
      starts.append(position)
      ends.append(position + 1)
      values.append(value)
    }
    end = position + 1
    bases += 1
  }

  mutating func removeAll() {
    starts.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    bases = 0
  }

  /// Whether there is no gap between the runs.
  private var isConsecutive: Bool { Int(end - starts[0]) == bases }

  /// The length that all runs have, or `nil`.
  private var commonLength: UInt32? {
    let length = ends[0] - starts[0]
    return zip(starts, ends).allSatisfy { $1 - $0 == length } ? length : nil
  }

  /// The distance between the starts of all runs, or `nil`.
  private var commonStep: UInt32? {
    guard starts.count > 1 else { return ends[0] - starts[0] }
    let step = starts[1] - starts[0]
    return zip(starts, starts.dropFirst()).allSatisfy { $1 - $0 == step } ? step : nil
  }

  /// The section in its smallest layout.
  var block: IndexedBlock {
    let length = commonLength
    let step = length == nil ? nil : commonStep
    let cost = (step != nil ? 4 : length != nil ? 8 : 12) * starts.count
    // Runs of several lengths may take more room than their single bases.
    if isConsecutive, 4 * bases < cost { return block(.fixedStep, step: 1, span: 1, items: singleBases, count: bases) }
    if let step {
      return block(.fixedStep, step: step, span: length!, items: values.map(\.bitPattern), count: values.count)
    }
    if let length {
      let items = zip(starts, values).flatMap { [$0, $1.bitPattern] }
      return block(.variableStep, step: 0, span: length, items: items, count: values.count)
    }
    var items: [UInt32] = []
    for run in starts.indices { items += [starts[run], ends[run], values[run].bitPattern] }
    return block(.intervals, step: 0, span: 0, items: items, count: values.count)
  }

  /// The value of each base.
  private var singleBases: [UInt32] {
    var items: [UInt32] = []
    items.reserveCapacity(bases)
    for run in starts.indices {
      items.append(contentsOf: repeatElement(values[run].bitPattern, count: Int(ends[run] - starts[run])))
    }
    return items
  }

  private func block(_ layout: Layout, step: UInt32, span: UInt32, items: [UInt32], count: Int) -> IndexedBlock {
    let header = [UInt32(contig), starts[0], end, step, span, layout.rawValue | UInt32(count) << 16]
    return IndexedBlock(
      contig: contig, start: Int(starts[0]), end: Int(end), items: 1, bytes: [UInt8](header + items))
  }
}
