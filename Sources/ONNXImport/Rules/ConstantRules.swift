internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let constantRules: [String: ImportRule] = [
    "Constant": constant,
    "ConstantOfShape": { node, build throws(OperatorError) in
      let shape = try Shape.checked(try build.constant(0, "shape").integers)
      let value =
        try node.tensor("value").map { proto throws(OperatorError) in try read(proto) }
        ?? ConstantTensor(shape: [1], values: [0])
      guard value.shape.count == 1 else { throw OperatorError("a value of shape \(value.shape); expected one element") }
      return try build.emit(Expand(to: shape), build.constant(value.reshaped([])))
    },
    "Range": { node, build throws(OperatorError) in
      try build.emit(NumberRange(), try build.input(0), try build.input(1), try build.input(2))
    },
  ]

  private static func constant(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let tensor: ConstantTensor
    if let value = node.tensor("value") {
      tensor = try read(value)
    } else if node.has("value_int") {
      tensor = ConstantTensor(scalar: Double(node.int("value_int")), kind: .integer)
    } else if let values = node.ints("value_ints") {
      tensor = ConstantTensor(integers: values)
    } else if node.has("value_float") {
      tensor = ConstantTensor(scalar: Double(Float(node.float("value_float", default: 0))))
    } else if let values = node.floats("value_floats") {
      tensor = ConstantTensor(shape: [values.count], values: values)
    } else {
      throw OperatorError("only constants of numbers are supported")
    }
    return [build.constant(tensor)]
  }

  /// Tensors inside nodes never lie in other files.
  private static func read(_ proto: Onnx_TensorProto) throws(OperatorError) -> ConstantTensor {
    guard proto.dataLocation != .external else { throw OperatorError("a constant outside the file") }
    var reader = TensorReader(path: "")
    do {
      return try reader.read(proto)
    } catch {
      guard case .tensor(_, _, let reason) = error else { throw OperatorError("its value cannot be read") }
      throw OperatorError(reason)
    }
  }
}
