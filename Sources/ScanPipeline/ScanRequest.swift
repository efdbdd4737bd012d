public import Attribution

/// What a person asks of `scan`.
public struct ScanRequest: Sendable {
  public var model: ModelRequest
  /// Path of the indexed FASTA.
  public var genome: String
  /// BED or narrowPeak file of the bases to score; with ``regionStrings`` empty too, the whole genome.
  public var regions: String?
  /// Regions as samtools writes them.
  public var regionStrings: [String] = []
  /// BED file of sites to score each alone, instead of regions.
  public var sites: String?
  /// BED file of bases to leave out.
  public var exclude: String?
  public var methods: [Method] = [.tism]
  /// Targets as text; the model's defaults when empty.
  public var targets: [String] = []
  public var strands = StrandChoice.both
  public var reductions: [Reduction] = [.importance]
  public var formats: [TrackFormat] = [.bigwig]
  public var windowAt = WindowAnchor.tile
  /// Bases between grid windows; half a window when `nil`.
  public var step: Int?
  /// Bases a window of a per-window model of any length.
  public var windowLength: Int?
  public var overlap = OverlapRule.central
  public var engine = SubstitutionEngine.fast
  /// Threshold of called sites.
  public var calls: Double?
  /// Fraction of the edits to compute again by independent ways.
  public var verify: Double?
  /// Edits to audit TISM by; 0 for none, `nil` for as many as a tenth of the run's operations allow.
  public var audit: Int?
  /// GFF file of genes, whose coding bases the audit tells from others.
  public var genes: String?
  /// Share of the edits of each block whose TISM is replaced by exact ISM; 0 for none.
  public var hybrid = 0.0
  /// Bases a pass of a per-position model; never changes a value.
  public var tile: Int?
  public var threads = 1
  public var output: String
  public var force = false
  /// True to remove the shard files when the tracks are written.
  public var dropsShards = false
  /// Annotation files to show in the IGV session.
  public var annotations: [String] = []
  /// Version of the program, for manifest and record.
  public var version: String
  /// Facts for the log alone: host, instruction set, where the thread count came from.
  public var logFacts: [String: String] = [:]

  public init(model: ModelRequest, genome: String, output: String, version: String) {
    self.model = model
    self.genome = genome
    self.output = output
    self.version = version
  }
}
