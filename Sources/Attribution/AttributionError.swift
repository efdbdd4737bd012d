/// What can be wrong between a model, its targets and its scores. Every description names the cure.
public enum AttributionError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The text of a target cannot be read.
  case malformedTarget(text: String, reason: String)
  /// A target names an output or entry that the model does not have.
  case unknownTarget(target: String, reason: String, choices: [String])
  /// No target was given and the model does not have an obvious one.
  case targetNeeded(choices: [String])
  /// A target of per-position models on a model that is scored by windows, or the other way round.
  case wrongKindOfTarget(target: String, reason: String)
  /// The kind or layout of the model's outputs cannot be read off its graph.
  case ambiguousOutput(reason: String, cure: String)
  /// A declared property that contradicts the model.
  case contradiction(reason: String)
  /// A `tismscan.` key of the model's metadata cannot be read.
  case badMetadata(reason: String)
  /// `--pre-activation` on a model without a final sigmoid or softmax.
  case noFinalActivation(outputs: [String])
  /// The model cannot be run on sequences of this length.
  case unsupportedLength(reason: String)
  /// A prediction or score came out as NaN or infinity.
  case notFinite(quantity: String, location: String, target: String)
  /// A score that an independent way of computing it does not confirm.
  case disagreement(CheckFailure)

  public var description: String {
    switch self {
    case .malformedTarget(let text, let reason):
      "target '\(text)': \(reason); write OUT:IDX, OUT:A-B, OUT:sum, OUT:A-B:profile, a difference 'T1 - T2', or "
        + "weighted, weighted-mean, probability, logit (quote output names that contain ':' or '-')"
    case .unknownTarget(let target, let reason, let choices):
      "target '\(target)': \(reason); the model has \(choices.joined(separator: ", "))"
    case .targetNeeded(let choices):
      "several outputs, or more than 16 entries: say what is scored with --target, among \(choices.joined(separator: ", "))"
    case .wrongKindOfTarget(let target, let reason): "target '\(target)': \(reason)"
    case .ambiguousOutput(let reason, let cure): "\(reason); \(cure)"
    case .contradiction(let reason), .badMetadata(let reason): reason
    case .noFinalActivation(let outputs):
      "--pre-activation: no sigmoid or softmax ends the model's outputs (\(outputs.joined(separator: ", "))); "
        + "leave the option out"
    case .unsupportedLength(let reason): reason
    case .notFinite(let quantity, let location, let target):
      "\(quantity) of target '\(target)' is not a finite number at \(location); the model overflows there: check its "
        + "weights and try --pre-activation or, where a branch that is not taken overflows, --engine naive"
    case .disagreement(let failure): failure.description
    }
  }
}
