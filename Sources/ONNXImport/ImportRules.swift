internal import NetworkGraph

/// Turns one node into operators of the graph and gives the values of its outputs.
///
/// An error says what is not supported and the cure; the importer adds the node's name, operator and opset.
typealias ImportRule = @Sendable (_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID]

/// Every operator that can be imported, by family.
enum ImportRules {
  static let families: [(name: String, rules: [String: ImportRule])] = [
    ("Convolution", convolutionRules),
    ("Pooling", poolRules),
    ("Recurrence", recurrentRules),
    ("Matrix products", productRules),
    ("Normalisation", normalizationRules),
    ("Activations", activationRules),
    ("Arithmetic", arithmeticRules),
    ("Comparison and logic", logicRules),
    ("Reductions", reductionRules),
    ("Shapes", shapeRules),
    ("Moving elements", movementRules),
    ("Resizing", resizeRules),
    ("Constants", constantRules),
  ]

  private static let standard: [String: ImportRule] = families.reduce(into: [:]) { all, family in
    all.merge(family.rules) { _, _ in preconditionFailure("two rules for one operator in \(family.name)") }
  }

  /// The rule of an operator, or `nil` when it is not supported.
  static func rule(for op: String, domain: String) -> ImportRule? {
    switch domain {
    case "": standard[op]
    case "com.microsoft": microsoftRules[op]
    default: nil
    }
  }

  /// Why an operator has no rule, and what to do.
  static func refusal(of op: String, domain: String) -> String {
    if let reason = refusedOperators[op] { return reason }
    if domain.isEmpty { return "this operator is not supported; docs/models.md lists the ones that are" }
    return "operators of this domain are not supported; export with standard ONNX operators only"
  }

  /// Operators that are known and refused, with the reason.
  static let refusedOperators: [String: String] = {
    let quantised =
      "quantised models are not supported, their scores are steps; export the float32 model before quantisation"
    let control = "control flow that depends on data is not supported; export with fixed shapes or trace the model"
    let random = "its result is random; export the model in evaluation mode (model.eval())"
    var reasons: [String: String] = [:]
    for op in [
      "QLinearConv", "QLinearMatMul", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger",
      "MatMulInteger", "QGemm", "QLinearAdd", "QLinearMul", "MatMulNBits",
    ] { reasons[op] = quantised }
    reasons["RNN"] = "plain recurrent layers are not supported; LSTM and GRU are"
    for op in ["If", "Loop", "Scan", "SequenceMap"] { reasons[op] = control }
    for op in ["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"] {
      reasons[op] = random
    }
    for op in ["ArgMax", "ArgMin", "TopK", "NonZero", "Hardmax", "OneHot"] {
      reasons[op] = "it has no gradient; take the scores before it as the model's output"
    }
    return reasons
  }()
}
