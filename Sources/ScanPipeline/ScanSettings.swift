public import Attribution
import Genomics

/// How bases are scored.
public enum Method: String, CaseIterable, Hashable, Sendable, Codable, Comparable {
  /// The model's outputs.
  case predict
  /// First-order Taylor approximation of ISM, from one backward pass.
  case tism
  /// Exact in-silico saturation mutagenesis.
  case ism

  private var rank: Int { Self.allCases.firstIndex(of: self)! }
  public static func < (left: Method, right: Method) -> Bool { left.rank < right.rank }
}

/// Which strands are scored.
public enum StrandChoice: String, CaseIterable, Hashable, Sendable, Codable {
  case both
  case plus = "+"
  case minus = "-"
}

/// Where the windows of a per-window model lie.
public enum WindowAnchor: String, CaseIterable, Hashable, Sendable, Codable {
  /// On a grid that belongs to the contig.
  case tile
  /// One a region, at its centre.
  case center
  /// One a region, at its summit (narrowPeak column 10).
  case summit
}

/// Which window's score a base in several windows gets.
public enum OverlapRule: String, CaseIterable, Hashable, Sendable, Codable {
  /// That of the window whose centre is nearest; the strand's upstream one among equals.
  case central
  /// The mean over all of them.
  case mean
  /// That of the first region in the file.
  case first
}

/// How exact ISM is computed.
public enum SubstitutionEngine: String, CaseIterable, Hashable, Sendable, Codable {
  /// Difference propagation: only what an edit changes is computed.
  case fast
  /// One forward pass an edit: the oracle.
  case naive
}

/// File formats of tracks.
public enum TrackFormat: String, CaseIterable, Hashable, Sendable, Codable {
  case bigwig
  case bedgraph

  var fileExtension: String { self == .bigwig ? "bw" : "bedGraph.gz" }
}

/// Everything besides model, genome and regions that decides a value of the run: a part of the manifest.
public struct ScanSettings: Hashable, Sendable, Codable {
  public var methods: [Method]
  /// Models of an ensemble, whose outputs are averaged; `nil` for one.
  public var models: Int?
  public var targets: [String]
  public var kind: OutputKind
  /// Per-position models: what the outputs stand for and how far labels were shifted.
  public var activation: OutputActivation?
  public var offset: Int?
  public var channel: Int?
  public var first: Int?
  /// Per-window models: bases a window, and where windows lie.
  public var windowLength: Int?
  public var windowAt: WindowAnchor?
  public var step: Int?
  public var overlap: OverlapRule?
  public var preActivation: Bool
  public var engine: SubstitutionEngine
  public var strands: StrandChoice
  public var strandModel: StrandModel
  public var reductions: [Reduction]
  public var formats: [TrackFormat]
  /// Contigs whose windows and passes go on over the origin, in track order.
  public var circular: [String]?
  /// Threshold above which local maxima of the prediction are called.
  public var calls: Double?
  /// Fraction of the edits whose scores are computed again by independent ways.
  public var verify: Double?
  /// Edits that are scored exactly to audit TISM.
  public var audit: Int?
  /// True when the audit tells coding bases from others.
  public var genes: Bool?
  /// Share of the edits of each block whose TISM is replaced by exact ISM.
  public var hybrid: Double?
  /// True when sites were scored alone instead of bases of regions.
  public var sites: Bool?
  /// Bindings of the model's other inputs: `zeros`, or the MD5 of an npy file.
  public var inputs: [String: String]
  /// What flags said about the input that takes the sequence.
  public var sequenceInput: String?
  public var sequenceLayout: String?
}

extension ScanSettings {
  var modelCount: Int { models ?? 1 }

  /// Strands that are scored, in the order of shard files.
  var scannedStrands: [Strand] { strands == .both ? [.plus, .minus] : strands == .plus ? [.plus] : [.minus] }

  /// Bytes of a strand base in a shard file: its code and its scores.
  var bytesOfBase: Int {
    let values = methods.reduce(0) { sum, method in
      let ofKind = kind == .position && method == .predict ? 1 : targets.count
      return sum + (method == .predict ? 1 : 3) * ofKind
    }
    let ofModel = values + (reductions.contains(.newSite) ? 1 : 0)
    return 1 + 4 * (ofModel * modelCount + (hybrid == nil ? 0 : 1)) * (strandModel == .swap ? 2 : 1)
  }

  /// Whether edits are chosen by comparing those of a block of the grid, which must then be scored by one task.
  var keepsBlocks: Bool { audit != nil || hybrid != nil }
}
