import ArgumentParser
import ScanPipeline

struct ScanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scan",
    abstract: "Scans a genome, or regions of it, and writes browser tracks; or scans shards of a planned run.",
    discussion: """
      The whole genome is scanned when no region is given. The output folder is a run: the same command resumes what was \
      interrupted and does nothing when it is complete. Values never depend on threads, tiles, shards or regions. Files are \
      named METHOD.TARGET.REDUCTION.STRAND.bw; run.json says what their values mean.

      With --run it scans shards of a run that plan made, those that are missing; merge makes the tracks. Options that change \
      values belong to plan then.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var genome: GenomeOption
  @OptionGroup var plan: PlanOptions
  @OptionGroup var shards: ShardOptions
  @OptionGroup var stop: StopOptions
  @OptionGroup var memory: MemoryOption
  @OptionGroup var run: RunOptions

  @Flag(name: .long, help: "Start over whatever the output folder holds of an earlier run.")
  var force = false

  @Option(name: [.long, .short], help: "The folder of the run.")
  var output: String?

  func run() async throws {
    var resources = try run.resources()
    resources.stopAt = try stop.time()
    resources.memory = try memory.bytes()
    if let folder = shards.run { return try await scan(folder, resources) }
    if let flag = shards.given { throw ScanError.usage("\(flag) is for scan --run, which scans a planned run") }
    let models = try model.requests(to: "scan")
    guard let fasta = genome.genome else { throw ScanError.usage("--genome: say which reference to scan") }
    guard let output else { throw ScanError.usage("--output: say where the run is to lie") }
    var request = ScanRequest(models: models, genome: fasta, output: output, version: Version.number)
    try plan.apply(to: &request)
    request.force = force
    request.resources = resources
    if case .seconds = request.cut { throw ScanError.usage("--shard-cost is for plan; use --shards") }
    let (final, options) = (request, run)
    try await Interruption.cancelling(stopAt: resources.stopAt) {
      try await Scan(final, progress: options.progress()).run()
    }
  }

  private func scan(_ folder: String, _ resources: RunResources) async throws {
    // What settles values was settled by plan: nothing of it may be said again, not even alike.
    let allowed = Set(
      ShardOptions.flags + [
        "--model", "--genome", "-f", "--regions", "-R", "--exclude", "--genes", "--input", "--threads", "-t",
        "--max-memory", "--stop-after", "--log", "--quiet",
      ])
    if let flag = CommandLine.arguments.dropFirst(2).map({ String($0.prefix { $0 != "=" }) })
      .first(where: { Self.isFlag($0) && !allowed.contains($0) })
    {
      if ["--output", "-o", "--force", "--keep"].contains(flag) {
        throw ScanError.usage("\(flag) does not go with --run, which names the folder of the planned run")
      }
      throw ScanError.usage(
        "\(flag) does not go with --run: values were settled by tismscan plan, which makes another run with it")
    }
    let files = (regions: plan.regions, exclude: plan.exclude, genes: plan.genes, inputs: try model.bindings())
    let (options, selection, moved) = (run, try shards.selection(), (models: model.model, genome: genome.genome))
    try await Interruption.cancelling(stopAt: resources.stopAt) {
      var scan = ShardScan(
        run: folder, selection, version: Version.number, resources: resources, progress: options.progress())
      (scan.models, scan.genome) = moved
      (scan.regions, scan.exclude, scan.genes) = (files.regions, files.exclude, files.genes)
      scan.inputs = files.inputs
      try await scan()
    }
  }

  private static func isFlag(_ argument: String) -> Bool {
    argument.hasPrefix("-") && argument.count > 1 && Double(argument) == nil
  }
}

/// Which shards of a planned run to scan.
struct ShardOptions: ParsableArguments {
  static let flags = ["--run", "--shard", "--part"]

  @Option(name: .long, help: "Scan shards of this run, which plan made: all that are missing, unless some are named.")
  var run: String?

  @Option(
    name: .long, parsing: .singleValue,
    help: "A shard by its number from 1, or several: 17, 3-9, 1,4-6. Repeatable.")
  var shard: [String] = []

  @Option(name: .long, help: ArgumentHelp("Every N-th shard from the K-th.", valueName: "K/N"))
  var part: String?

  /// The flag that needs --run, when one is there.
  var given: String? { shard.isEmpty ? part == nil ? nil : "--part" : "--shard" }

  func selection() throws -> ShardScan.Selection {
    if let part {
      guard shard.isEmpty else { throw ScanError.usage("--shard and --part both say which shards: use one") }
      return .part(part)
    }
    return shard.isEmpty ? .all : .numbers(shard)
  }
}
