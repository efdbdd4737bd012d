import ArgumentParser
import ScanPipeline

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says which shards of a run are done, running, failed and missing, and how long the rest takes.",
    discussion: "Ends with 0 whether or not the run is complete: look at done and merged.")

  @Argument(help: "The folder of the run.")
  var folder: String

  @Flag(name: .long, help: "Print JSON.")
  var json = false

  func run() throws {
    let status = try RunStatus(of: folder)
    print(json ? try status.json() : status.text)
  }
}
