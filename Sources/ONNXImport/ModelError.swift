/// A node that this version cannot take, with what a person can do about it.
public struct UnsupportedNode: Hashable, Sendable, CustomStringConvertible {
  /// The node's name, or its first output's where it has none.
  public let name: String
  /// The ONNX operator.
  public let op: String
  /// Empty for the standard operators.
  public let domain: String
  /// Version of the operator set that the node uses.
  public let opset: Int
  /// Why, and the cure.
  public let reason: String

  public var description: String {
    let origin = domain.isEmpty ? "opset \(opset)" : "domain \(domain), opset \(opset)"
    return "\(op) '\(name)' (\(origin)): \(reason)"
  }
}

/// What can be wrong with a model file or with what is asked of it. Every case says what to do.
public enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  case missingFile(path: String)
  case unreadable(path: String, reason: String)
  case emptyFile(path: String)
  /// The file ends in the middle of the model.
  case truncated(path: String)
  /// Some other kind of file.
  case notONNX(path: String, hint: String)
  case noGraph(path: String)
  case unsupportedIR(path: String, version: Int, supported: ClosedRange<Int>)
  case unsupportedOpset(path: String, version: Int, supported: ClosedRange<Int>)
  /// The file breaks the rules of ONNX.
  case invalid(path: String, reason: String)
  /// A weight that cannot be read.
  case tensor(path: String, name: String, reason: String)
  /// A file with weights that should lie beside the model.
  case missingData(path: String, file: String, tensor: String)
  /// A weight that is said to lie outside the model's folder.
  case dataOutsideFolder(path: String, file: String, tensor: String)
  /// Every node that stands in the way.
  case unsupported(path: String, nodes: [UnsupportedNode])
  /// The input that takes the sequence cannot be told.
  case sequenceInput(path: String, reason: String, inputs: [ModelPort])
  case fixedLength(path: String, length: Int, requested: Int)
  case fixedBatch(path: String, batch: Int, requested: Int)
  case unboundInput(path: String, input: ModelPort)
  case unknownInput(path: String, name: String, known: [String])
  case inputShape(path: String, input: ModelPort, given: [Int])

  public var description: String {
    switch self {
    case .missingFile(let path): "\(path): there is no such file"
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .emptyFile(let path): "\(path): the file is empty; export or copy the model again"
    case .truncated(let path):
      "\(path): the file ends in the middle of the model, or its bytes are damaged; export or copy it again"
    case .notONNX(let path, let hint): "\(path): not an ONNX model. \(hint)"
    case .noGraph(let path): "\(path): the ONNX file holds no network; export it again"
    case .unsupportedIR(let path, let version, let supported):
      "\(path): ONNX IR version \(version); this program reads \(supported.lowerBound) to \(supported.upperBound)."
        + (version < supported.lowerBound
          ? " Export the model again with a current exporter." : " Export with an older onnx package.")
    case .unsupportedOpset(let path, let version, let supported):
      "\(path): opset \(version); this program reads \(supported.lowerBound) to \(supported.upperBound). "
        + "Export with opset_version=\(min(max(version, supported.lowerBound), 20))"
    case .invalid(let path, let reason): "\(path): not a valid ONNX model: \(reason)"
    case .tensor(let path, let name, let reason): "\(path): weight '\(name)': \(reason)"
    case .missingData(let path, let file, let tensor):
      "\(path): weight '\(tensor)' is in the file \(file), which is not there. torch.onnx.export wrote it beside the "
        + "model: copy both, or export with external_data=False"
    case .dataOutsideFolder(let path, let file, let tensor):
      "\(path): weight '\(tensor)' is said to be in \(file), outside the model's folder; refused. "
        + "Put the file beside the model and save the model again"
    case .unsupported(let path, let nodes):
      "\(path): \(nodes.count) unsupported node\(nodes.count == 1 ? "" : "s"):\n"
        + nodes.map { "  \($0)" }.joined(separator: "\n")
    case .sequenceInput(let path, let reason, let inputs):
      "\(path): \(reason). Inputs: \(inputs.map(\.description).joined(separator: ", "))"
    case .fixedLength(let path, let length, let requested):
      "\(path): the model takes sequences of \(length) bases, not \(requested)"
    case .fixedBatch(let path, let batch, let requested):
      "\(path): the model takes \(batch) sequence\(batch == 1 ? "" : "s") a run, not \(requested)"
    case .unboundInput(let path, let input):
      "\(path): the model also reads \(input): give it a value with --input \(input.name)=zeros or "
        + "--input \(input.name)=FILE.npy"
    case .unknownInput(let path, let name, let known):
      "\(path): no input is named '\(name)'"
        + (known.isEmpty ? "; besides the sequence there is none" : "; there are \(known.joined(separator: ", "))")
    case .inputShape(let path, let input, let given):
      "\(path): a value of shape \(given) for input \(input)"
    }
  }
}
