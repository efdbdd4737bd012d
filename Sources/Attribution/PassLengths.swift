internal import Engine

extension PositionLayout {
  /// Bases of a default tile with its flanks, and of the pass that one edit needs: what the engines are compared at, whatever
  /// tile and contig are, so that a base's score never depends on them.
  /// - Parameter fixed: the model's length, where the export fixed it.
  public func lengths(fixed: Int?) -> (tile: Int, window: Int) {
    let window = 2 * flank + 1 + deficit
    return fixed.map { ($0, $0) } ?? (PositionModel.defaultTile + window, window)
  }
}

extension PositionModel {
  /// Whether difference propagation is the cheaper exact way.
  var prefersDifferences: Bool {
    get throws {
      let lengths = layout.lengths(fixed: network.fixedLength)
      return try network.prefersDifferences(length: lengths.tile, naiveLength: lengths.window)
    }
  }

  /// Bases of one edit's own pass: what the moved outputs read, the same number for the whole contig.
  func windowLength(within bounds: Range<Int>) -> Int {
    network.fixedLength ?? min(bounds.count, layout.lengths(fixed: nil).window)
  }

  /// The bases of one edit's own pass.
  func window(around base: Int, within bounds: Range<Int>) -> Range<Int> {
    bounds.stretch(of: windowLength(within: bounds), from: base - layout.flank)
  }
}

extension Range<Int> {
  /// `size` positions of this range from `start`, or as near to it as there are so many; all of it where it is shorter.
  func stretch(of size: Int, from start: Int) -> Range<Int> {
    guard size < count else { return self }
    let first = Swift.min(Swift.max(lowerBound, start), upperBound - size)
    return first..<first + size
  }
}
