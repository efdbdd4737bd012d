import Genomics
import TestSupport
import TrackIO

/// A track's values on small contigs, and the plain way to look at them: the oracle of the writers' tests.
struct TrackCase: Sendable, CustomStringConvertible {
  /// How the values are made.
  enum Texture: String, CaseIterable, Sendable {
    case dense, gappy, flatRuns, sparse, alternates, tiny, absent
  }

  static let contigs = ["1", "10", "2", "chrM", "empty", "z"].enumerated().map {
    Contig(name: $1, length: [5000, 1, 2500, 1024, 0, 3000][$0])
  }

  let texture: Texture
  let seed: UInt64
  /// Values by contig and position; NaN is absent.
  let values: [[Float]]

  var description: String { "\(texture) \(seed)" }

  init(_ texture: Texture, seed: UInt64) {
    var random = SplitMix64(seed: seed)
    self.texture = texture
    self.seed = seed
    values = Self.contigs.map { contig in
      var level: Float = 0
      return (0..<contig.length).map { position in
        switch texture {
        case .dense: return Float.random(in: -1..<1, using: &random)
        case .gappy: return position / 300 % 3 == 1 ? .nan : Float.random(in: -1..<1, using: &random)
        case .flatRuns:
          if Int.random(in: 0..<40, using: &random) == 0 { level = Float(Int.random(in: -2...2, using: &random)) * 0.5 }
          return level == -1 ? .nan : level == 0 && position % 2 == 0 ? -0.0 : level
        case .sparse: return Int.random(in: 0..<90, using: &random) == 0 ? Float(position) : .nan
        case .alternates:
          return Int.random(in: 0..<4, using: &random) == 0 ? .nan : Float.random(in: -1..<1, using: &random)
        case .tiny:
          return Float(bitPattern: UInt32.random(in: 0..<0x7F80_0000, using: &random))
            * (Bool.random(using: &random) ? 1 : -1)
        case .absent: return .nan
        }
      }
    }
  }

  static let all: [TrackCase] = Texture.allCases.flatMap { texture in (0..<3).map { TrackCase(texture, seed: $0) } }

  /// Hands all values to a writer in pieces of random lengths, some of them empty, leaving out some absent stretches.
  func write(to writer: inout some TrackWriter & ~Copyable) throws {
    var random = SplitMix64(seed: seed + 77)
    for (contig, values) in values.enumerated() {
      var start = 0
      while start < values.count {
        let end = min(values.count, start + Int.random(in: 0...1500, using: &random))
        let piece = Array(values[start..<end])
        if !piece.allSatisfy(\.isNaN) || Bool.random(using: &random) {
          try writer.append(contig: contig, start: start, values: piece)
        }
        start = end
      }
    }
  }

  /// Bits as a track keeps them: -0 is 0, and every NaN is the same.
  static func bits(_ values: [Float]) -> [UInt32] {
    values.map { $0.isNaN ? Float.nan.bitPattern : ($0 + 0).bitPattern }
  }
}
