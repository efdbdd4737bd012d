public import Tensors

/// What can be wrong with the inputs or attributes of an operator. The importer adds node name and opset.
public struct OperatorError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong and, where there is one, the cure.
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// The meaning of an operator: the shapes it gives and its value, the plain way, in float64.
///
/// `evaluate` is the oracle of the tests and folds whatever depends on constants alone, so every operator has it, whether
/// or not it can run on data. Written for clarity, never for speed.
public protocol Operator: Sendable {
  /// The ONNX operator name, for messages and `inspect`.
  var kind: String { get }

  /// Shapes of the outputs for inputs of the given shapes.
  func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape]

  /// Values of the outputs, each element computed in float64.
  func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor]
}

/// An operand as `compile` sees it: its shape, and its value when that is known.
public struct Operand: Sendable {
  public let shape: Shape
  public let constant: ConstantTensor?

  public init(shape: Shape, constant: ConstantTensor? = nil) {
    self.shape = shape
    self.constant = constant
  }
}

/// A nonlinearity that turns scores into probabilities at the end of a model; `--pre-activation` steps before it.
public enum FinalActivation: Hashable, Sendable {
  case sigmoid
  /// Softmax along one axis of its input.
  case softmax(axis: Int)
}

/// `y = scale[c] * x + shift[c]` with `c` along `axis`.
public struct ScaleAndShift: Sendable {
  public let scale: [Double]
  public let shift: [Double]
  public let axis: Int

  public init(scale: [Double], shift: [Double], axis: Int) {
    self.scale = scale
    self.shift = shift
    self.axis = axis
  }
}

/// An operator that runs on data inside a network.
public protocol NetworkOperator: Operator {
  /// Which input positions each output reads, given the same of the inputs.
  ///
  /// The default says that every output element reads everything any input reads.
  func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence]

  /// Whether entries along the position axis of the inputs are treated the same wherever they lie, so that moving them by as many as
  /// lie between two entries of the output moves the output by one. Not so: repeated, reflected or joined parts. An operator
  /// that leaves this out where it does not hold gives scores that depend on where windows start.
  /// - Parameter inputs: which positions each input reads.
  func treatsPositionsAlike(_ inputs: [Dependence], shapes: [Shape]) -> Bool

  /// True when there is one data input and each output element is a function of the input element at the same index.
  var isElementwise: Bool { get }

  /// How the operator commutes with a permutation of axes.
  ///
  /// When every data input `k` is `x_k` permuted (axis `a` of the input is axis `permutation[a]` of `x_k`), returns an
  /// operator `f` and one permutation an output such that `self(permuted x) == permuted(f(x))`; `nil` when there is none.
  /// Constant operands are brought into `x`'s axis order by the caller (padded with leading unit axes first).
  /// - Parameter shapes: shapes of the inputs of `self`, before the rewriting.
  func commuting(with permutation: [Int], shapes: [Shape]) -> (operator: any NetworkOperator, outputs: [[Int]])?

  /// The same operator with a per-channel scale and shift applied to its result, computed in float64; `nil` when the
  /// operator is not linear or the channel axis is not the last.
  func followed(byScale scale: [Double], shift: [Double]) -> (any NetworkOperator)?

  /// The same operator with `Relu` applied to its result, or `nil`.
  func followedByRelu() -> (any NetworkOperator)?

  /// When the operator is `y = scale[c] * x + shift[c]` with `c` along one axis: for folding into what comes before.
  var scaleAndShift: ScaleAndShift? { get }

  /// The operator's part as a final activation, if it is one.
  var finalActivation: FinalActivation? { get }

  /// Packs weights and settles sizes for operands of these shapes.
  func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator
}

extension NetworkOperator {
  public func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    let merged: Dependence = inputs.allSatisfy { $0 == .nothing } ? .nothing : .everything
    let outputs = (try? outputShapes(for: shapes).count) ?? 1
    return Array(repeating: merged, count: outputs)
  }

  public func treatsPositionsAlike(_ inputs: [Dependence], shapes: [Shape]) -> Bool { true }

  public var isElementwise: Bool { false }

  public func commuting(with permutation: [Int], shapes: [Shape])
    -> (operator: any NetworkOperator, outputs: [[Int]])?
  {
    isElementwise ? (self, [permutation]) : nil
  }

  public func followed(byScale scale: [Double], shift: [Double]) -> (any NetworkOperator)? { nil }
  public func followedByRelu() -> (any NetworkOperator)? { nil }
  public var scaleAndShift: ScaleAndShift? { nil }
  public var finalActivation: FinalActivation? { nil }
}
