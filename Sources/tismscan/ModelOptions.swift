import ArgumentParser
import Attribution
import ONNXImport
import ScanPipeline

/// Options about the model, shared by every subcommand that runs one.
struct ModelOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .singleValue,
    help:
      "The network, an ONNX file. Repeated (scan, plan), the models are an ensemble: tracks of their mean and spread.")
  var model: [String] = []

  @Option(
    name: .long, parsing: .singleValue,
    help: ArgumentHelp(
      "Binds an input besides the sequence: zeros, or numbers from an npy file. Repeatable.",
      valueName: "NAME=zeros|FILE.npy"))
  var input: [String] = []

  @OptionGroup var sequence: SequenceOptions

  @Flag(name: .long, help: "Take outputs before their final sigmoid or softmax (a softmax entry: its log-odds).")
  var preActivation = false

  @Option(
    name: .long,
    help: "window (one set of outputs a window) or position (one output a base), where the graph is not clear.")
  var outputKind: String?

  @Option(name: .long, parsing: .unconditional, help: "Axis of the positions, batch axis counted (position models).")
  var outputAxis: Int?

  @Option(name: .long, parsing: .unconditional, help: "Channel of the output, 0-based (position models).")
  var outputChannel: Int?

  @Option(name: .long, parsing: .unconditional, help: "Input position of the first output (position models).")
  var outputFirst: Int?

  @Option(name: .long, help: "What an output is: logit, probability or none (position models).")
  var outputActivation: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Bases that labels were shifted downstream in training; moves predictions and sites, never edits.")
  var outputOffset: Int?

  @Option(
    name: .long, help: "stranded (tracks a strand), unstranded (both directions averaged) or swap (channels exchanged)."
  )
  var strandModel: String?

  /// One for each model named.
  /// - Parameter purpose: what they are for, as in "which network to scan with".
  func requests(to purpose: String) throws -> [ModelRequest] {
    guard !model.isEmpty else { throw ScanError.usage("--model: say which network to \(purpose) with") }
    return try model.map(request)
  }

  /// What is bound to inputs besides the sequence, by their names.
  func bindings() throws -> [String: String] {
    var inputs: [String: String] = [:]
    for binding in input {
      guard let equals = binding.firstIndex(of: "="), equals != binding.startIndex else {
        throw ScanError.usage("--input \(binding): write NAME=zeros or NAME=FILE.npy")
      }
      inputs[String(binding[..<equals])] = String(binding[equals...].dropFirst())
    }
    return inputs
  }

  private func request(_ path: String) throws -> ModelRequest {
    var request = ModelRequest(path: path)
    request.inputs = try bindings()
    try sequence.apply(to: &request)
    request.preActivation = preActivation
    request.output.kind = try outputKind.map { try choice($0, "--output-kind") }
    request.output.axis = outputAxis
    request.output.channel = outputChannel
    request.output.first = outputFirst
    request.output.activation = try outputActivation.map { try choice($0, "--output-activation") }
    request.output.offset = outputOffset
    request.output.strands = try strandModel.map { try choice($0, "--strand-model") }
    return request
  }
}

/// Which input takes the sequence, where the file leaves that open.
struct SequenceOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("The input that takes the sequence, where several would do.", valueName: "NAME"))
  var sequenceInput: String?

  @Option(
    name: .long,
    help: "Its layout, where its shape can be read both ways: channels-first ([N, 4, L]) or channels-last ([N, L, 4]).")
  var layout: String?

  func apply(to request: inout ModelRequest) throws {
    request.sequenceInput = sequenceInput
    request.layout = try layout.map { try choice($0, "--layout") }
  }
}

/// One of the values of an option.
func choice<T: CaseIterable & RawRepresentable<String>>(_ text: String, _ flag: String) throws -> T {
  guard let value = T(rawValue: text) else {
    throw ScanError.usage("\(flag) \(text): choose among \(T.allCases.map(\.rawValue).joined(separator: ", "))")
  }
  return value
}

/// Values of an option that takes several, separated by commas or spaces; each once, in the order given.
func choices<T: CaseIterable & RawRepresentable<String> & Equatable>(_ texts: [String], _ flag: String) throws -> [T] {
  var values: [T] = []
  for text in texts.flatMap({ $0.split(whereSeparator: { $0 == "," || $0 == " " }) }) {
    let value: T = try choice(String(text), flag)
    if !values.contains(value) { values.append(value) }
  }
  return values
}
