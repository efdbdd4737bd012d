public import NetworkGraph
internal import Operators
public import Tensors

/// A parsed ONNX file. Shapes are settled by ``graph(batch:length:inputs:)``.
public struct ModelFile: Sendable {
  public let path: String
  /// Every file that holds a part of the model (external weights), the ONNX file first: all count in its digest.
  public let files: [String]
  /// The input that takes one-hot sequences, its layout and the length when it is fixed.
  public var sequenceInput: ModelPort { sequence.port }
  public var layout: SequenceLayout { sequence.layout }
  public var fixedLength: Int? { sequence.fixedLength }
  /// Sequences a run when the export fixed that number.
  public var fixedBatch: Int? { sequence.fixedBatch }
  /// Inputs besides the sequence; each must be bound to a constant.
  public let otherInputs: [ModelPort]
  public let outputs: [ModelPort]
  /// ONNX `metadata_props`.
  public let metadata: [String: String]
  /// Version of the default operator set.
  public let opset: Int
  /// Elements of all initializers.
  public let parameterCount: Int
  /// What `inspect` shows of the file.
  public let summary: ModelSummary

  let sequence: SequenceInput
  let source: ModelSource

  /// Reads a model and its weights, and recognises the input that takes the sequence.
  /// - Parameters:
  ///   - sequenceInput: the name of that input, where several would do.
  ///   - layout: its layout, where its shape can be read both ways.
  /// - Throws: ``ModelError``
  public init(path: String, sequenceInput: String? = nil, layout: SequenceLayout? = nil) throws {
    let source = try ModelSource(path: path)
    sequence = try SequenceInput.find(among: source.inputs, named: sequenceInput, layout: layout, path: path)
    let sequenceName = sequence.port.name
    self.path = path
    self.source = source
    files = source.files
    otherInputs = source.inputs.filter { $0.name != sequenceName }
    outputs = source.outputs
    metadata = source.metadata
    opset = source.opsets[""] ?? 0
    parameterCount = source.initializers.values.reduce(0) { $0 + $1.shape.count }
    summary = ModelSummary(source)
  }

  /// The sequences a run that the model can take when `wanted` would be best.
  public func supportedBatch(_ wanted: Int) -> Int { fixedBatch ?? wanted }

  /// Every node whose operator is not known at all. ``graph(batch:length:inputs:)`` also finds the ones whose attributes
  /// or shapes are not supported.
  public var unknownNodes: [UnsupportedNode] { GraphImporter.unknownNodes(in: source) }

  /// The network for `batch` sequences of `length` bases, simplified and ready to compile.
  /// - Parameter inputs: values of the other inputs, by name.
  /// - Throws: ``ModelError``
  public func graph(batch: Int, length: Int, inputs: [String: ConstantTensor] = [:]) throws -> Graph {
    try rawGraph(batch: batch, length: length, inputs: inputs).simplified()
  }

  /// The network as the file has it, before any rewriting.
  func rawGraph(batch: Int, length: Int, inputs: [String: ConstantTensor] = [:]) throws(ModelError) -> Graph {
    precondition(batch > 0 && length > 0, "batch \(batch), length \(length)")
    if let fixedLength, fixedLength != length {
      throw .fixedLength(path: path, length: fixedLength, requested: length)
    }
    if let fixedBatch, fixedBatch != batch { throw .fixedBatch(path: path, batch: fixedBatch, requested: batch) }
    for name in inputs.keys.sorted() where !otherInputs.contains(where: { $0.name == name }) {
      throw .unknownInput(path: path, name: name, known: otherInputs.map(\.name))
    }
    do {
      _ = try Shape.checked([batch, length, 4])
    } catch {
      throw .sequenceInput(
        path: path, reason: "\(batch) x \(length) bases are more than any model takes; export it with a smaller shape",
        inputs: source.inputs)
    }
    var importer = GraphImporter(source: source, batch: batch, length: length)
    try importer.bindSequence(sequence)
    for port in otherInputs where importer.needed.contains(port.name) {
      guard let value = inputs[port.name] else { throw .unboundInput(path: path, input: port) }
      try importer.bind(port, to: value, sequence: sequence)
    }
    return try importer.run()
  }
}
