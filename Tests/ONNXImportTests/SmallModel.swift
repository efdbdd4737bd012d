import Foundation
import SwiftProtobuf
import TestSupport

@testable import ONNXImport

/// Models of a few nodes, made field by field, for what no exporter would write.
enum SmallModel {
  /// `x [N, 4, 8] -> Flatten -> MatMul w [32, 2] -> y`, the smallest thing that loads.
  static func working() -> Onnx_ModelProto {
    model(
      inputs: [("x", [0, 4, 8])], outputs: ["y"],
      nodes: [node("Flatten", ["x"], ["flat"]), node("MatMul", ["flat", "w"], ["y"], name: "head")],
      tensors: [floats("w", [32, 2], (0..<64).map { Float($0) / 64 })])
  }

  /// - Parameter inputs: lengths of the axes; 0 is a symbol of the axis.
  static func model(
    inputs: [(name: String, dims: [Int])] = [("x", [0, 4, 8])], outputs: [String], nodes: [Onnx_NodeProto],
    tensors: [Onnx_TensorProto] = [], opset: Int64 = 17
  ) -> Onnx_ModelProto {
    var model = Onnx_ModelProto()
    model.irVersion = 8
    var version = Onnx_OperatorSetIdProto()
    version.version = opset
    model.opsetImport = [version]
    model.graph.input = inputs.map { port($0.name, $0.dims) }
    model.graph.output = outputs.map { port($0, []) }
    model.graph.node = nodes
    model.graph.initializer = tensors
    return model
  }

  static func port(_ name: String, _ dims: [Int]) -> Onnx_ValueInfoProto {
    var port = Onnx_ValueInfoProto()
    port.name = name
    port.type.tensorType.elemType = 1
    port.type.tensorType.shape.dim = dims.enumerated().map { axis, length in
      var dim = Onnx_TensorShapeProto.Dimension()
      if length == 0 { dim.dimParam = "d\(axis)" } else { dim.dimValue = Int64(length) }
      return dim
    }
    return port
  }

  static func node(
    _ op: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
    _ attributes: [Onnx_AttributeProto] = []
  ) -> Onnx_NodeProto {
    var node = Onnx_NodeProto()
    node.opType = op
    node.input = inputs
    node.output = outputs
    node.name = name
    node.domain = domain
    node.attribute = attributes
    return node
  }

  static func attribute(_ name: String, _ fill: (inout Onnx_AttributeProto) -> Void) -> Onnx_AttributeProto {
    var attribute = Onnx_AttributeProto()
    attribute.name = name
    fill(&attribute)
    return attribute
  }

  static func ints(_ name: String, _ values: [Int64]) -> Onnx_AttributeProto {
    attribute(name) {
      $0.type = .ints
      $0.ints = values
    }
  }

  static func int(_ name: String, _ value: Int64) -> Onnx_AttributeProto {
    attribute(name) {
      $0.type = .int
      $0.i = value
    }
  }

  static func tensor(
    _ name: String, _ dims: [Int64], type: Onnx_TensorProto.DataType, raw: [UInt8]
  ) -> Onnx_TensorProto {
    var tensor = Onnx_TensorProto()
    tensor.name = name
    tensor.dims = dims
    tensor.dataType = Int32(type.rawValue)
    tensor.rawData = Data(raw)
    return tensor
  }

  static func floats(_ name: String, _ dims: [Int64], _ values: [Float]) -> Onnx_TensorProto {
    tensor(name, dims, type: .float, raw: values.flatMap { bytes($0.bitPattern) })
  }

  static func integers(_ name: String, _ values: [Int64]) -> Onnx_TensorProto {
    tensor(name, [Int64(values.count)], type: .int64, raw: values.flatMap { bytes($0) })
  }

  static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

extension TemporaryFolder {
  /// Writes a model and gives its path.
  func write(_ model: Onnx_ModelProto, as name: String = "model.onnx") throws -> String {
    write(name, Array(try model.serializedData()))
  }
}
