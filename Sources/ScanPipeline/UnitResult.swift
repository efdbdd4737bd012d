import Attribution

/// Scores of one unit of work, in plus-strand coordinates, stretch after stretch.
struct UnitResult: Sendable, Equatable {
  /// Counts over bases.
  struct Counts: Codable, Sendable, Equatable {
    /// Bases with a score.
    var scored = 0
    /// Bases that are not A, C, G or T.
    var unknown = 0
    /// Zero columns that stood for bases beyond a contig's end.
    var padded = 0
    /// Windows scored; tiles are not counted, for they are no part of the result.
    var windows = 0

    mutating func add(_ other: Counts) {
      scored += other.scored
      unknown += other.unknown
      padded += other.padded
      windows += other.windows
    }
  }

  var counts = Counts()
  /// Scores that were computed again by independent ways, under `--verify`.
  var checks = CheckTally()
  /// Plus-strand base code of every base.
  var codes: [UInt8] = []
  /// Values by section: one a base (predictions, new sites), or three (alternates in A C G T order, plus-strand bases).
  /// NaN is a base without a value.
  var sections: [String: [Float]] = [:]
}
