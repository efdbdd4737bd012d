internal import Genomics
internal import Glibc

/// A per-position model ready to be scored along strands.
public struct PositionModel: Sendable {
  public let network: Network
  public let layout: PositionLayout
  /// Bases scored by one pass: never changes a value.
  public let tile: Int

  /// Tile of a model of any length: long enough that flanks cost little, short enough for the caches.
  public static let defaultTile = 4_096

  /// - Parameter tile: bases a pass; `nil` takes the default, or what a fixed-length model leaves beside its flanks.
  public init(_ network: Network, layout: PositionLayout, tile: Int? = nil) throws(AttributionError) {
    self.network = network
    self.layout = layout
    guard let length = network.fixedLength else {
      self.tile = tile ?? Self.defaultTile
      return
    }
    let room = length - 2 * layout.flank - abs(layout.offset)
    guard room > 0 else {
      throw .unsupportedLength(
        reason:
          "the model takes \(length) bases, but a score needs \(layout.flank) bases on each side of a base; export "
          + "it with a symbolic or longer sequence axis, or score it by windows (--output-kind window)")
    }
    self.tile = min(tile ?? room, room)
  }

  /// Outputs that scoring `bases` needs, as far as they exist.
  func outputs(toScore bases: Range<Int>, within bounds: Range<Int>) -> Range<Int> {
    let moved = layout.outputs(movedBy: bases)
    let predicted = bases.lowerBound + layout.offset..<bases.upperBound + layout.offset
    let both = min(moved.lowerBound, predicted.lowerBound)..<max(moved.upperBound, predicted.upperBound)
    return both.clamped(to: layout.outputs(within: bounds))
  }

  /// The bases that one pass over `outputs` reads: all they depend on, at a length shared by many passes, touching a
  /// contig end exactly where they depend on it, so that the network pads there as in one long pass.
  func span(reading outputs: Range<Int>, within bounds: Range<Int>) -> Range<Int> {
    let needed = layout.bases(readBy: outputs)
    let size = network.fixedLength ?? sharedLength(atLeast: needed.count + layout.deficit)
    return bounds.stretch(of: size, from: needed.lowerBound)
  }

  /// Passes are as long as a full tile needs, or a half, a quarter, ... of that.
  private func sharedLength(atLeast needed: Int) -> Int {
    let full = passLength
    guard needed < full else { return needed }
    var size = full
    while size / 2 >= needed, size / 2 >= 64 { size /= 2 }
    return size
  }

  /// Bases of a strand that scoring `bases` may read, as far as they exist.
  public func bases(toScore bases: Range<Int>, within bounds: Range<Int>) -> Range<Int> {
    guard !bases.isEmpty else { return bases }
    let longest = tile + 4 * layout.flank + 2 * abs(layout.offset) + layout.deficit + (network.fixedLength ?? 0) + 64
    return (bases.lowerBound - longest..<bases.upperBound + longest).clamped(to: bounds)
  }
}

/// Bases of one strand of a contig, 5' to 3', in the strand's own coordinates. A circular contig goes on beyond both ends.
public struct StrandBases: Sendable {
  /// Names contig and strand in messages.
  public let name: String
  /// Bases of the whole contig.
  public let contigLength: Int
  /// Positions that exist; scorers pad beyond them.
  public let bounds: Range<Int>
  /// Strand position of `codes[0]`, 0-based from the strand's 5' end.
  public let origin: Int
  public let codes: [UInt8]

  public init(name: String, contigLength: Int, isCircular: Bool = false, origin: Int, codes: [UInt8]) {
    bounds = Self.bounds(contigLength: contigLength, isCircular: isCircular)
    precondition(
      bounds.lowerBound <= origin && origin + codes.count <= bounds.upperBound, "bases beyond the ends of \(name)")
    self.name = name
    self.contigLength = contigLength
    self.origin = origin
    self.codes = codes
  }

  /// Positions of a strand that exist: on a circular contig, position `n` is base `n` modulo the length.
  public static func bounds(contigLength: Int, isCircular: Bool) -> Range<Int> {
    isCircular ? -1 << 40..<1 << 40 : 0..<contigLength
  }

  /// A position as a base of the contig, for messages.
  public func place(_ position: Int) -> Int {
    bounds.count == contigLength ? position : Contig(name: name, length: contigLength).wrapped(position)
  }

  /// Codes of strand positions `range`.
  public subscript(range: Range<Int>) -> ArraySlice<UInt8> {
    codes[range.lowerBound - origin..<range.upperBound - origin]
  }
}

/// Scores of a stretch of a strand.
public struct StretchScores: Sendable {
  /// What the model predicts for each base: the site probability, or the plain output where it is no logit; NaN where
  /// the output lies beyond the contig.
  public var predictions: [Float]
  /// One entry a target; empty for predictions only.
  public var substitutions: [SubstitutionScores]
  /// The new-site score of each base, when asked for.
  public var newSites: [Float]
}

/// Scores stretches of a strand with a per-position model. The seam between the ways to score.
///
/// A base's scores never depend on the stretch or tile it was scored with.
public protocol StretchScorer: ~Copyable {
  /// - Parameters:
  ///   - stretch: strand positions to score.
  ///   - strand: holds at least ``PositionModel/bases(toScore:contig:)``.
  mutating func score(_ stretch: Range<Int>, of strand: StrandBases) throws -> StretchScores
}

/// A stretch scorer that computes single edits exactly and can leave out those that are not wanted.
public protocol ExactStretchScorer: StretchScorer, ~Copyable {
  /// - Parameter mask: of the stretch. Scores of other edits are 0, and predictions are given for tiles with wanted edits
  ///   only; everything is wanted when `nil`.
  mutating func score(_ stretch: Range<Int>, of strand: StrandBases, only mask: EditMask?) throws -> StretchScores
}

extension ExactStretchScorer where Self: ~Copyable {
  public mutating func score(_ stretch: Range<Int>, of strand: StrandBases) throws -> StretchScores {
    try score(stretch, of: strand, only: nil)
  }
}

/// The logistic function in float64.
@inline(__always)
func sigmoid(_ x: Float) -> Double { sigmoid(Double(x)) }

/// The logistic function in float64.
@inline(__always)
func sigmoid(_ x: Double) -> Double { x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)) }
