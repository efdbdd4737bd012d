import ArgumentParser
import ScanPipeline

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says what a model reads and gives: inputs, outputs, operators, reach and cost.")

  @Argument(help: "The network, an ONNX file.")
  var model: String

  @OptionGroup var sequence: SequenceOptions

  @Flag(name: .long, help: "Print JSON.")
  var json = false

  @Flag(name: .long, help: "Describe the outputs before their final activation.")
  var preActivation = false

  func run() throws {
    var request = ModelRequest(path: model)
    try sequence.apply(to: &request)
    request.preActivation = preActivation
    let report = try ModelReport(request)
    print(json ? try report.json() : report.text)
  }
}
