import ArgumentParser
import ScanPipeline

struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Settles a run and cuts it into shards, which scan --run scores and merge makes tracks of.",
    discussion: """
      Writes manifest.json: digests of model and genome, every setting that a value depends on, and the shards. Prints what the \
      run takes; times are from a trial of about two seconds on this machine. How the work is cut never changes a value.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var genome: GenomeOption
  @OptionGroup var plan: PlanOptions
  @OptionGroup var memory: MemoryOption
  @OptionGroup var run: RunOptions

  @Flag(name: .long, help: "Only print what the run would take, shard by shard.")
  var dryRun = false

  @Flag(name: .long, help: "Start over whatever the output folder holds of an earlier run.")
  var force = false

  @Option(name: [.long, .short], help: "The folder of the run.")
  var output: String?

  func run() async throws {
    guard let output = output ?? (dryRun ? "" : nil) else {
      throw ScanError.usage("--output: say where the run is to lie, or --dry-run")
    }
    let models = try model.requests(to: "scan")
    guard let fasta = genome.genome else { throw ScanError.usage("--genome: say which reference to scan") }
    var request = ScanRequest(
      models: models, genome: fasta, output: output, version: Version.number)
    try plan.apply(to: &request)
    request.force = force
    request.resources = try run.resources()
    request.resources.memory = try memory.bytes()
    print(try PlanRun(request, progress: run.progress())(isDry: dryRun))
  }
}

/// The reference.
struct GenomeOption: ParsableArguments {
  @Option(name: [.long, .customShort("f")], help: "Reference FASTA with its .fai (and .gzi when bgzipped).")
  var genome: String?
}
