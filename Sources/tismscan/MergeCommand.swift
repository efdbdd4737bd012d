import ArgumentParser
import ScanPipeline

struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Makes tracks, tables and run.json of the shards of a run.",
    discussion: """
      Every shard is checked against the manifest. Missing shards are listed and end the command with 4. Memory is bounded by \
      threads: tracks are streamed in genome order.
      """)

  @Argument(help: "The folder of the run.")
  var folder: String

  @Flag(name: .long, help: "Leave the bases of missing shards without values instead of refusing.")
  var allowMissing = false

  @Option(
    name: [.long, .customShort("f")], help: "Where the reference lies now, for igv_session.xml, when it has moved.")
  var genome: String?

  @OptionGroup var run: RunOptions

  func run() async throws {
    let (folder, allowMissing, genome, options) = (folder, allowMissing, genome, run)
    let resources = try run.resources()
    try await Interruption.cancelling {
      var merge = ShardMerge(
        run: folder, allowsMissing: allowMissing, resources: resources, progress: options.progress())
      merge.genome = genome
      try await merge()
    }
  }
}
