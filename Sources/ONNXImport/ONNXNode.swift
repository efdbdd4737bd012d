internal import NetworkGraph
internal import SwiftProtobuf
internal import Tensors

/// One node of the file, with its attributes read by name.
struct ONNXNode: Sendable {
  /// The node's name, or its first output's.
  let name: String
  let op: String
  /// Empty for the standard operators.
  let domain: String
  /// Version of the node's operator set.
  let opset: Int
  let inputs: [String]
  let outputs: [String]
  private let attributes: [String: Onnx_AttributeProto]

  /// Names of the standard operator set.
  static let standardDomains: Set<String> = ["", "ai.onnx"]

  init(_ proto: Onnx_NodeProto, opsets: [String: Int]) {
    op = proto.opType
    domain = Self.standardDomains.contains(proto.domain) ? "" : proto.domain
    opset = opsets[domain] ?? 1
    inputs = proto.input
    outputs = proto.output
    name = proto.name.isEmpty ? proto.output.first { !$0.isEmpty } ?? proto.opType : proto.name
    attributes = Dictionary(proto.attribute.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
  }

  /// Versions by domain, the standard domain under its empty name.
  static func opsets(_ imports: [Onnx_OperatorSetIdProto]) -> [String: Int] {
    Dictionary(
      imports.map { (standardDomains.contains($0.domain) ? "" : $0.domain, Int($0.version)) },
      uniquingKeysWith: { max($0, $1) })
  }

  func has(_ name: String) -> Bool { attributes[name] != nil }

  func int(_ name: String, default value: Int = 0) -> Int { attributes[name].map { Int($0.i) } ?? value }

  func flag(_ name: String, default value: Bool = false) -> Bool { int(name, default: value ? 1 : 0) != 0 }

  /// Float32 in the file; the decimal that was meant (0.01, 1e-5) is used where it is near.
  func float(_ name: String, default value: Double) -> Double { attributes[name].map { Self.decimal($0.f) } ?? value }

  func ints(_ name: String) -> [Int]? { attributes[name].map { $0.ints.map(Int.init) } }

  func floats(_ name: String) -> [Double]? { attributes[name].map { $0.floats.map(Double.init) } }

  func string(_ name: String, default value: String) -> String {
    attributes[name].map { String(decoding: $0.s, as: UTF8.self) } ?? value
  }

  func strings(_ name: String) -> [String]? {
    attributes[name].map { $0.strings.map { String(decoding: $0, as: UTF8.self) } }
  }

  func tensor(_ name: String) -> Onnx_TensorProto? {
    guard let attribute = attributes[name], attribute.hasT else { return nil }
    return attribute.t
  }

  func graph(_ name: String) -> Onnx_GraphProto? {
    guard let attribute = attributes[name], attribute.hasG else { return nil }
    return attribute.g
  }

  /// Sizes, strides or paddings: none negative, none beyond what 32 bits hold.
  func sizes(_ name: String, count: Int, default value: Int) throws(OperatorError) -> [Int] {
    guard let sizes = ints(name), !sizes.isEmpty else { return Array(repeating: value, count: count) }
    guard sizes.count == count else { throw OperatorError("\(name) has \(sizes.count) numbers, not \(count)") }
    guard sizes.allSatisfy({ 0 <= $0 && $0 <= Int(Int32.max) }) else { throw OperatorError("\(name) is \(sizes)") }
    return sizes
  }

  /// The double nearest to the shortest decimal that reads back as this float.
  private static func decimal(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
}
