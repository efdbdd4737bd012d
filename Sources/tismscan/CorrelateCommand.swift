import ArgumentParser
import ScanPipeline

struct CorrelateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "correlate",
    abstract: "Compares two score files, for example TISM with exact ISM.",
    discussion: """
      Both files are of score, with the same sequences and targets. Printed, a line a target, tab-separated: Pearson's and \
      Spearman's correlation, the slope of B on A through the origin, the share of edits with the same sign, and which \
      share of the 1 % largest scores of B are among the 1 % largest of A; each with its 95 % interval. Reference bases and \
      unknown bases are left out. Formulas are in docs/formats.md.
      """)

  @Argument(help: "The npz that is judged, for example of --method tism.")
  var a: String

  @Argument(help: "The npz it is judged against, for example of --method ism.")
  var b: String

  @Option(name: .long, help: "Array of A to compare, where A holds several: ism, tism, ism_replace, corrected.")
  var first: String?

  @Option(name: .long, help: "Array of B to compare, where B holds several.")
  var second: String?

  @Option(name: .long, help: "Also write the numbers to this JSON file.")
  var json: String?

  func run() throws {
    var request = CorrelateRequest(first: a, second: b)
    request.firstArray = first
    request.secondArray = second
    request.json = json
    print(try CorrelateRun(request).run(), terminator: "")
  }
}
