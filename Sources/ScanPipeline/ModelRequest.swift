public import Attribution
import Foundation
import GenomeIO
public import ONNXImport
import Tensors
import TrackIO

/// Which model to run and what its file does not say.
public struct ModelRequest: Sendable, Codable {
  /// Path of the ONNX file.
  public var path: String
  /// Bindings of the inputs besides the sequence: `zeros`, or the path of an npy file.
  public var inputs: [String: String] = [:]
  public var preActivation = false
  /// Name of the input that takes the sequence, where several would do.
  public var sequenceInput: String?
  /// Layout of that input, where its shape can be read both ways.
  public var layout: SequenceLayout?
  /// Settings from flags; they win over the model's metadata.
  public var output = OutputSettings()

  public init(path: String) { self.path = path }

  func file() throws -> ModelFile { try ModelFile(path: path, sequenceInput: sequenceInput, layout: layout) }
}

/// A model that was read, with its kind settled.
public struct ScanModel: Sendable {
  /// The network as exported, or as `--pre-activation` asks: what targets that name entries read.
  public let network: Network
  /// The network whose outputs are logits where the exported ones are probabilities: what per-position scores read.
  public let positionNetwork: Network
  public let kind: SettledKind
  /// Settings from flags and metadata.
  public let output: OutputSettings
  /// Bindings as the manifest has them: `zeros`, or the MD5 of the npy file.
  let inputRecords: [String: String]
  /// Every file of the model with its MD5.
  let fileRecords: [Manifest.FileRecord]
  /// What flags said about the input that takes the sequence.
  let sequenceInput: String?
  let sequenceLayout: SequenceLayout?

  /// A network that is at hand.
  init(
    network: Network, kind: SettledKind, output: OutputSettings, fileRecords: [Manifest.FileRecord],
    inputRecords: [String: String] = [:]
  ) {
    self.network = network
    positionNetwork = network
    self.kind = kind
    self.output = output
    self.fileRecords = fileRecords
    self.inputRecords = inputRecords
    (sequenceInput, sequenceLayout) = (nil, nil)
  }

  public init(_ request: ModelRequest) throws {
    let file = try request.file()
    let unbound = file.otherInputs.map(\.name).filter { request.inputs[$0] == nil }
    guard unbound.isEmpty else {
      throw ScanError.usage(
        "\(request.path) has inputs besides the sequence: bind each with --input NAME=zeros or --input NAME=FILE.npy ("
          + unbound.joined(separator: ", ") + ")")
    }
    var bindings: [String: InputBinding] = [:]
    var records: [String: String] = [:]
    for (name, what) in request.inputs {
      bindings[name] = what == "zeros" ? .zeros : .values(try Self.tensor(npy: what))
      records[name] = what == "zeros" ? what : try FileDigest.md5(path: what)
    }
    network = try Network(file, inputs: bindings, preActivation: request.preActivation)
    let output = request.output.completed(by: try OutputSettings(metadata: file.metadata))
    kind = try network.settledKind(output)
    if case .position(let layout) = kind, network.needsPreActivation(layout) {
      positionNetwork = try Network(file, inputs: bindings, preActivation: true)
    } else {
      positionNetwork = network
    }
    fileRecords = try file.files.map {
      Manifest.FileRecord(name: Self.lastComponent($0), md5: try FileDigest.md5(path: $0))
    }
    self.output = output
    inputRecords = records
    (sequenceInput, sequenceLayout) = (request.sequenceInput, request.layout)
  }

  private static func tensor(npy path: String) throws -> ConstantTensor {
    let array = try NumPyFile.readNPY(path: path)
    return ConstantTensor(shape: Shape(array.shape), values: array.values)
  }

  static func lastComponent(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }
}
