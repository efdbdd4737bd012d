import Attribution
import Engine
import Foundation
import NetworkGraph
import ONNXImport
import Tensors

/// What `inspect` says about a model, for people and as JSON.
public struct ModelReport: Codable, Sendable {
  public struct Port: Codable, Sendable {
    public let name: String
    /// Axis lengths, batch axis first; names for lengths that are free.
    public let shape: [String]
  }
  public struct Output: Codable, Sendable {
    public let number: Int
    public let name: String
    /// Without the batch axis, at ``length``.
    public let shape: [Int]
    public let entries: Int
    /// `sigmoid`, `softmax`, or `nil`.
    public let finalActivation: String?
    /// Which inputs an entry reads.
    public let reads: String
    /// Which entries an edit moves.
    public let moves: String
    /// For outputs along the sequence: entry `j` reads bases `step * j - back` to `step * j + ahead`.
    public let step, back, ahead: Int?
  }
  public let path: String
  public let opset: Int
  public let parameters: Int
  public let sequenceInput: Port
  public let layout: String
  public let otherInputs: [Port]
  /// Bases a sequence, when the model fixes it.
  public let fixedLength: Int?
  /// The length that shapes, reach and cost are given for.
  public let length: Int
  public let outputs: [Output]
  /// Operators of the simplified network and how often each occurs.
  public let operators: [String: Int]
  /// `window` or `position`, or why that is open.
  public let kind: String
  public let cost: EditCost
  /// Of a model scored by windows: what overlapping ones share.
  public let sharing: [TrunkSharing]
  public let metadata: [String: String]
  public let advice: [String]

  public init(_ request: ModelRequest) throws {
    let file = try request.file()
    var bindings: [String: InputBinding] = [:]
    for port in file.otherInputs { bindings[port.name] = .zeros }
    let network = try Network(file, inputs: bindings, preActivation: request.preActivation)
    let graph = network.graph
    let dependences = graph.dependences

    path = request.path
    opset = file.opset
    parameters = file.parameterCount
    sequenceInput = Self.port(file.sequenceInput)
    layout = file.layout == .channelsFirst ? "[N, 4, L]" : "[N, L, 4]"
    otherInputs = file.otherInputs.map(Self.port)
    fixedLength = network.fixedLength
    length = graph.length
    metadata = file.metadata
    outputs = network.outputs.indices.map { number in
      Self.output(number, network, dependences[graph.outputs[number]])
    }
    operators = graph.nodes.reduce(into: [:]) { $0[$1.op.kind, default: 0] += 1 }
    let output = request.output.completed(by: try OutputSettings(metadata: file.metadata))
    let lengths: (tile: Int, window: Int)
    let isScoredByWindows: Bool
    (kind, lengths, isScoredByWindows) = Self.kind(network, output)
    cost = try EditCost(network, length: lengths.tile, naiveLength: lengths.window)
    sharing = isScoredByWindows ? try TrunkSharing.ofUsualSteps(network, length: lengths.window) : []
    advice = Self.advice(network, file)
  }

  /// What the model is, with the bases of a window or tile and of the pass that one edit takes.
  private static func kind(_ network: Network, _ output: OutputSettings)
    -> (text: String, lengths: (tile: Int, window: Int), isScoredByWindows: Bool)
  {
    let described = (tile: network.describedLength, window: network.describedLength)
    do {
      switch try network.settledKind(output) {
      case .window: return ("window: one set of outputs a window", described, true)
      case .position(let layout):
        return (
          "position: one output a base, \(layout.activation.rawValue), offset \(layout.offset)",
          layout.lengths(fixed: network.fixedLength), false
        )
      }
    } catch {
      return ("open: \(error)", described, false)
    }
  }

  private static func port(_ port: ModelPort) -> Port {
    Port(
      name: port.name,
      shape: port.dimensions.map {
        switch $0 {
        case .fixed(let length): "\(length)"
        case .symbolic(let name): name.isEmpty ? "?" : name
        }
      })
  }

  /// What is added to a name: ` + 3`, ` - 3`, or nothing.
  private static func signed(_ number: Int) -> String {
    number == 0 ? "" : number < 0 ? " - \(-number)" : " + \(number)"
  }

  private static func output(_ number: Int, _ network: Network, _ dependence: Dependence) -> Output {
    let description = network.outputs[number]
    let activation: String? =
      switch network.finalActivations[number] {
      case .sigmoid: "sigmoid"
      case .softmax: "softmax"
      case nil: nil
      }
    var (reads, moves) = ("every entry may read every base", "an edit may move every entry")
    var window: PositionWindow?
    switch dependence {
    case .nothing: (reads, moves) = ("no entry reads the sequence", "an edit moves nothing")
    case .everything: break
    case .window(let found):
      window = found
      let scale = found.step == 1 ? "j" : "\(found.step) j"
      reads =
        "entry j along axis \(found.axis) reads bases \(scale)\(signed(-found.back)) to \(scale)\(signed(found.ahead))"
      let (low, high) = ("i\(signed(-found.ahead))", "i\(signed(found.back))")
      moves =
        found.step == 1
        ? "an edit at base i moves entries \(low) to \(high)"
        : "an edit at base i moves entries (\(low)) / \(found.step) to (\(high)) / \(found.step)"
    }
    return Output(
      number: number, name: description.name, shape: description.dims, entries: description.count,
      finalActivation: activation, reads: reads, moves: moves, step: window?.step, back: window?.back,
      ahead: window?.ahead)
  }

  private static func advice(_ network: Network, _ file: ModelFile) -> [String] {
    var advice: [String] = []
    if !network.isPreActivation, network.finalActivations.contains(where: { $0 != nil }) {
      advice.append(
        "an output ends in a sigmoid or softmax, which flattens scores near 0 and 1: --pre-activation is recommended")
    }
    if !file.otherInputs.isEmpty {
      advice.append(
        "bind each further input with --input NAME=zeros or --input NAME=FILE.npy: "
          + file.otherInputs.map(\.name).joined(separator: ", "))
    }
    return advice
  }

  /// The report as JSON with sorted keys.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// The report as text.
  public var text: String {
    func shape(_ port: Port) -> String { "\(port.name) [\(port.shape.joined(separator: ", "))]" }
    var lines = [
      "model        \(path)", "opset        \(opset)", "parameters   \(parameters)",
      "sequence     \(shape(sequenceInput)), read as \(layout)"
        + (fixedLength.map { ", \($0) bases" } ?? ", any length (below: \(length) bases)"),
    ]
    lines += otherInputs.map { "input        \(shape($0)), to be bound with --input" }
    for output in outputs {
      lines.append(
        "output \(output.number)     \(output.name) \(output.shape), \(output.entries) entries"
          + (output.finalActivation.map { ", ends in a \($0)" } ?? ""))
      lines.append("             \(output.reads)")
      lines.append("             \(output.moves)")
    }
    lines.append("kind         \(kind)")
    let counts = operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
    lines.append("operators    \(counts.joined(separator: ", "))")
    lines += cost.lines
    if !sharing.isEmpty { lines += ["trunk shared between overlapping windows"] + sharing.map(\.line) }
    if !metadata.isEmpty {
      lines.append(
        "metadata     " + metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", "))
    }
    lines += advice.map { "advice       \($0)" }
    return lines.joined(separator: "\n")
  }
}
