import ArgumentParser
import Attribution
import ScanPipeline

/// What is to be scored and how: every option that changes a value of a run, and those about its files.
struct PlanOptions: ParsableArguments {
  @Option(
    name: [.long, .customShort("R")],
    help: "BED or narrowPeak file of the bases to score, or to put windows on (center, summit); plain or gzip.")
  var regions: String?

  @Option(
    name: [.long, .customShort("r")], parsing: .singleValue,
    help: "Region as samtools writes it, chr1:1,000-2,000 (1-based, ends included). Repeatable.")
  var region: [String] = []

  @Option(
    name: .long,
    help: "BED6 file of sites to score each alone by its own logit (position models), instead of regions.")
  var sites: String?

  @Option(
    name: .long, parsing: .upToNextOption,
    help: """
      Circular contigs, whose windows go on over the origin: names, or a GFF or GenBank file that says which \
      (Is_circular=true, LOCUS ... circular).
      """)
  var circular: [String] = []

  @Option(name: .long, help: "BED file of bases to leave out.")
  var exclude: String?

  @Option(name: .long, parsing: .upToNextOption, help: "One or more of predict, tism, ism.")
  var method: [String] = ["tism"]

  @Option(
    name: .long, parsing: .upToNextOption, help: "What is scored, as in score; default weighted for position models.")
  var target: [String] = []

  @Option(name: .long, parsing: .unconditional, help: "both, + or -.")
  var strand = "both"

  @Option(
    name: .long, parsing: .upToNextOption,
    help: "One or more of importance, contribution, strongest, l2, gain, loss, alt, new-site.")
  var reduce: [String] = ["importance"]

  @Option(name: .long, parsing: .upToNextOption, help: "bigwig, bedgraph, or both as bigwig,bedgraph.")
  var format: [String] = ["bigwig"]

  @Option(name: .long, help: "Where windows lie (window models): tile, center or summit.")
  var windowAt = "tile"

  @Option(
    name: .long, parsing: .unconditional, help: "Bases between grid windows (window models); default half a window.")
  var step: Int?

  @Option(name: .long, parsing: .unconditional, help: "Bases a window, for window models of any length.")
  var windowLength: Int?

  @Option(name: .long, help: "Which window a base in several belongs to (center, summit): central, mean or first.")
  var overlap = "central"

  @OptionGroup var exact: ExactOptions

  @Option(
    name: .long, parsing: .unconditional,
    help: """
      Edits that measure how well TISM agrees with exact ISM, drawn by strata; 0 for none. Default: up to 6000, and at most \
      a tenth of the run's operations. The result is in run.json.
      """)
  var audit: Int?

  @Option(name: .long, help: "GFF file whose CDS features the audit tells from other bases.")
  var genes: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: """
      Share of the edits, 0 to 1, whose TISM is replaced by exact ISM: in each block of 65536 bases the largest, and those \
      beside large ones. A track tism.exact says which share of a base's alternates that is.
      """)
  var hybrid = 0.0

  @Option(
    name: .long, parsing: .unconditional,
    help: "Write local maxima of the prediction at or above this value as calls.*.bed.")
  var calls: Double?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Bases a pass (position models); changes memory and speed, never a value.")
  var tile: Int?

  @Option(name: .long, parsing: .upToNextOption, help: "Annotation files to show in igv_session.xml.")
  var annotation: [String] = []

  @Option(name: .long, help: "shards (keep the scores of the pieces) or tracks (remove them at the end).")
  var keep = "shards"

  @Option(
    name: .long, parsing: .unconditional,
    help: "How many shards the work is cut into; never changes a value. Default: by operations.")
  var shards: Int?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "So many shards that one takes about this long by a trial, such as 90s, 10m or 2h.", valueName: "duration"))
  var shardCost: String?

  /// Puts the options into a request.
  func apply(to request: inout ScanRequest) throws {
    request.regions = regions
    request.regionStrings = region
    request.exclude = exclude
    request.sites = sites
    request.circular = circular
    request.methods = try choices(method, "--method")
    request.targets = target
    request.strands = try choice(strand, "--strand")
    request.reductions = try choices(reduce, "--reduce")
    request.formats = try choices(format, "--format")
    request.windowAt = try choice(windowAt, "--window-at")
    request.step = step
    request.windowLength = windowLength
    request.overlap = try choice(overlap, "--overlap")
    request.engine = try exact.substitutionEngine()
    request.verify = exact.verify
    request.audit = audit
    request.genes = genes
    request.hybrid = hybrid
    request.calls = calls
    request.tile = tile
    request.annotations = annotation
    guard ["shards", "tracks"].contains(keep) else { throw ScanError.usage("--keep \(keep): choose shards or tracks") }
    request.dropsShards = keep == "tracks"
    if let tile, tile < 1 { throw ScanError.usage("--tile \(tile): at least one base") }
    request.cut = try cut()
  }

  private func cut() throws -> ScanRequest.Cut? {
    if let shards {
      guard shardCost == nil else { throw ScanError.usage("--shards and --shard-cost say the same thing: use one") }
      guard shards > 0 else { throw ScanError.usage("--shards \(shards): at least one") }
      return .count(shards)
    }
    return try shardCost.map { .seconds(try duration($0, "--shard-cost")) }
  }
}
