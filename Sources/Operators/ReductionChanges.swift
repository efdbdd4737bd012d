internal import NetworkGraph

/// How a difference rule along some axes finds what an edit changes: in a whole value, or in the rows of channels that it keeps
/// where the rows are the entries.
extension ReductionGeometry {
  /// Whether ``changed(_:_:)`` and ``changes(_:_:from:)`` find their way in differences of that layout.
  func reads(_ layout: DifferenceLayout) -> Bool {
    if layout.isWhole { return layout.count == groups.count * entries.count * inner }
    return groups == [0] && inner == layout.rowSize && entries == (0..<layout.rows).map { $0 * layout.rowSize }
  }

  /// The entries that an edit may change.
  func changed(_ block: DifferenceBlock, _ edit: Int) -> Range<Int> {
    guard !block.layout.isWhole else { return entries.indices }
    let (inside, start) = (block.inside(edit), block.starts[edit])
    return start + inside.lowerBound..<start + inside.upperBound
  }

  /// Where the differences of the group that starts at `group` would start if all entries were kept: those of a changed entry, `inner`
  /// numbers, lie as far from there as the entry from its group.
  func changes(_ block: DifferenceBlock, _ edit: Int, from group: Int) -> UnsafePointer<Float> {
    let rows = UnsafePointer(block.rows(of: edit))
    return block.layout.isWhole ? rows + group : rows - block.starts[edit] * block.layout.rowSize
  }
}
