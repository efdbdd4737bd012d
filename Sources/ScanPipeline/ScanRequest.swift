public import Attribution

/// What a person asks of `scan` or `plan`. Encoded, it is what `scan --run` needs again.
public struct ScanRequest: Sendable, Codable {
  /// How many shards a run is cut into.
  public enum Cut: Sendable, Equatable {
    /// At most this many.
    case count(Int)
    /// So that one takes about this long, by a trial on this machine.
    case seconds(Double)
  }

  /// One, or those of an ensemble, with the same options.
  public var models: [ModelRequest]
  /// Path of the indexed FASTA.
  public var genome: String
  /// BED or narrowPeak file of the bases to score; with ``regionStrings`` empty too, the whole genome.
  public var regions: String?
  /// Regions as samtools writes them.
  public var regionStrings: [String] = []
  /// Circular contigs: names, or GFF or GenBank files that say which are.
  public var circular: [String] = []
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
  /// How the work is cut; `nil` for what suits, or what is there.
  public var cut: Cut?
  public var resources = RunResources()
  public var output = ""
  public var force = false
  /// True to remove the shard files when the tracks are written.
  public var dropsShards = false
  /// Annotation files to show in the IGV session.
  public var annotations: [String] = []
  /// Version of the program, for manifest and record.
  public var version = ""
  /// What is written down: not what it runs with, nor where it goes.
  private enum CodingKeys: String, CodingKey {
    case models, genome, circular, regions, regionStrings, sites, exclude, methods, targets, strands, reductions,
      formats, windowAt,
      step, windowLength, overlap, engine, calls, verify, audit, genes, hybrid, tile, dropsShards, annotations
  }

  public init(models: [ModelRequest], genome: String, output: String, version: String) {
    self.models = models
    self.genome = genome
    self.output = output
    self.version = version
  }
}
