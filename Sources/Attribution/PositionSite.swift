internal import Engine
internal import Tensors

/// Where the output of one site is and which bases it reads: what scoring a site alone needs.
public struct PositionSite: Hashable, Sendable {
  /// Strand positions of one pass that gives the site's output as one long pass would.
  public let pass: Range<Int>
  /// Flat entry of the site's output in that pass.
  public let entry: Int
  /// Strand positions that the output reads, the first and last of them perhaps beyond the contig's ends.
  public let reads: Range<Int>
}

extension PositionModel {
  /// The pass that scores the site at strand position `position` alone, or `nil` when the model has no output for it.
  ///
  /// Labels shifted downstream by the layout's offset move which output is the site's, never its edits.
  public func site(at position: Int, within bounds: Range<Int>) -> PositionSite? {
    let output = position + layout.offset
    guard layout.outputs(within: bounds).contains(output) else { return nil }
    let span = span(reading: output..<output + 1, within: bounds)
    return PositionSite(
      pass: span,
      entry: layout.entry(of: output, passStart: span.lowerBound, length: network.fixedLength ?? span.count),
      reads: layout.bases(readBy: output..<output + 1))
  }

  /// Windows of `length` bases scored by one entry of the model's output.
  public func windows(length: Int, entry: Int) throws -> WindowModel {
    let target = try ScoreTarget.entry(.number(layout.output), entry).resolved(
      among: network.outputs(atLength: length))
    return try WindowModel(network, length: length, targets: [target])
  }
}
