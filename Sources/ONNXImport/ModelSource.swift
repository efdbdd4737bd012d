internal import FoundationEssentials
internal import SwiftProtobuf
internal import Tensors

/// The contents of an ONNX file, checked and with every weight read.
struct ModelSource: Sendable {
  /// What this program reads; older files come from exporters of 2017.
  static let supportedIR = 3...14
  static let supportedOpsets = 7...28

  let path: String
  let files: [String]
  let irVersion: Int
  let producerName: String
  let producerVersion: String
  /// By domain; the standard one has an empty name.
  let opsets: [String: Int]
  let metadata: [String: String]
  /// Without initializers.
  let inputs: [ModelPort]
  let outputs: [ModelPort]
  let nodes: [Onnx_NodeProto]
  /// Functions of the model by domain and name.
  let functions: [String: Onnx_FunctionProto]
  let initializers: [String: ConstantTensor]

  init(path: String) throws(ModelError) {
    let model = try Self.parse(path)
    self.path = path
    irVersion = Int(model.irVersion)
    producerName = model.producerName
    producerVersion = model.producerVersion
    guard Self.supportedIR.contains(irVersion) else {
      throw .unsupportedIR(path: path, version: irVersion, supported: Self.supportedIR)
    }
    opsets = ONNXNode.opsets(model.opsetImport)
    guard let opset = opsets[""] else {
      throw .invalid(path: path, reason: "it names no operator set; export the model again")
    }
    guard Self.supportedOpsets.contains(opset) else {
      throw .unsupportedOpset(path: path, version: opset, supported: Self.supportedOpsets)
    }
    metadata = Dictionary(model.metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    functions = Dictionary(
      model.functions.map { (Self.functionKey($0.domain, $0.name), $0) }, uniquingKeysWith: { $1 })

    let graph = model.graph
    guard !graph.node.isEmpty || !graph.output.isEmpty else { throw .noGraph(path: path) }
    guard !graph.output.isEmpty else { throw .invalid(path: path, reason: "the network has no output") }
    guard graph.sparseInitializer.isEmpty else {
      throw .tensor(
        path: path, name: graph.sparseInitializer[0].values.name, reason: "sparse weights are not supported")
    }
    var reader = TensorReader(path: path)
    var tensors: [String: ConstantTensor] = [:]
    for tensor in graph.initializer { tensors[tensor.name] = try reader.read(tensor) }
    initializers = tensors
    files = [path] + reader.externalFiles
    inputs = graph.input.filter { tensors[$0.name] == nil }.map(Self.port)
    outputs = graph.output.map(Self.port)
    nodes = graph.node
  }

  static func functionKey(_ domain: String, _ name: String) -> String { "\(domain)\u{0}\(name)" }

  private static func port(_ value: Onnx_ValueInfoProto) -> ModelPort {
    let dims = value.type.tensorType.shape.dim
    return ModelPort(
      name: value.name,
      dimensions: dims.map { dim in
        // Some exporters write 0 or -1 for a length that they do not know.
        if case .dimValue(let length) = dim.value, length > 0 { return .fixed(Int(length)) }
        return .symbolic(dim.dimParam)
      })
  }

  private static func parse(_ path: String) throws(ModelError) -> Onnx_ModelProto {
    let data = try FileBytes.read(path)
    guard !data.isEmpty else { throw .emptyFile(path: path) }
    if let hint = FileBytes.otherKind(data) { throw .notONNX(path: path, hint: hint) }
    let model: Onnx_ModelProto
    do {
      model = try Onnx_ModelProto(serializedBytes: data)
    } catch {
      // Bytes that begin like a model (field 1, the IR version) are a damaged one.
      if data.first == 0x08 { throw .truncated(path: path) }
      throw .notONNX(path: path, hint: "Export the model with torch.onnx.export or tf2onnx.")
    }
    guard model.hasIrVersion || model.hasGraph else {
      throw .notONNX(path: path, hint: "Export the model with torch.onnx.export or tf2onnx.")
    }
    guard model.hasGraph else { throw .noGraph(path: path) }
    return model
  }
}
