public import Tensors

/// An operator with packed weights and settled sizes, shared by every session. It holds no state of a run.
///
/// Every output element is one fixed chain of operations, so that a value never depends on batch, thread or tile.
public protocol CompiledOperator: Sendable {
  /// Multiply-adds of one forward call.
  var multiplyAdds: Int { get }

  /// Time of one operation that ``multiplyAdds`` counts, or of an output element where there are more of these, in
  /// multiply-adds of the linear kernels at their best (docs/kernels.md, "What operators cost").
  var timePerOperation: Int { get }

  /// Floats of scratch that one forward or backward call may overwrite.
  var scratchCount: Int { get }

  /// Computes every output from the inputs. Inputs and outputs never overlap, except where ``aliasesInput`` is true.
  func forward(_ call: ForwardCall)

  /// `forward` with sums accumulated in float64 and rounded once: the reference of exact saturation mutagenesis, whose
  /// error comes from roundings of the reference that move ReLU and max decisions (docs/numerics.md).
  func forwardPrecisely(_ call: ForwardCall)

  /// True when `forwardPrecisely` rounds each element about once, however many terms it sums.
  var roundsOnce: Bool { get }

  /// The vector-Jacobian product: from the gradients of the outputs, those of the inputs that want one.
  func backward(_ call: BackwardCall)

  /// True when several sequences a run are faster than one: a product with large weights and few rows a sequence.
  var gainsFromBatches: Bool { get }

  /// True when the graph of several sequences would have to do without this operator, at a loss.
  var needsSingleSequence: Bool { get }

  /// True when the only output is the first input's elements under another shape: no memory, no work.
  var aliasesInput: Bool { get }
}

extension CompiledOperator {
  /// What reads and writes memory without much arithmetic.
  public var timePerOperation: Int { 16 }
  public var scratchCount: Int { 0 }
  public var aliasesInput: Bool { false }
  public var gainsFromBatches: Bool { false }
  public var needsSingleSequence: Bool { false }
  public var roundsOnce: Bool { false }
  public func forwardPrecisely(_ call: ForwardCall) { forward(call) }
}

/// Memory of one forward call.
public struct ForwardCall {
  public let inputs: [TensorView]
  public let outputs: [MutableTensorView]
  /// `scratchCount` floats with any content.
  public let scratch: UnsafeMutablePointer<Float>

  public init(inputs: [TensorView], outputs: [MutableTensorView], scratch: UnsafeMutablePointer<Float>) {
    self.inputs = inputs
    self.outputs = outputs
    self.scratch = scratch
  }
}

/// Memory of one backward call.
public struct BackwardCall {
  /// The inputs of the forward call.
  public let inputs: [TensorView]
  /// The outputs of the forward call.
  public let outputs: [TensorView]
  /// Gradient of each output; the callee may overwrite it.
  public let outputGradients: [MutableTensorView]
  /// Where the gradient of each input goes, or `nil` where nobody wants it.
  public let inputGradients: [GradientTarget?]
  /// `scratchCount` floats with any content.
  public let scratch: UnsafeMutablePointer<Float>

  public init(
    inputs: [TensorView], outputs: [TensorView], outputGradients: [MutableTensorView],
    inputGradients: [GradientTarget?], scratch: UnsafeMutablePointer<Float>
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.outputGradients = outputGradients
    self.inputGradients = inputGradients
    self.scratch = scratch
  }
}

/// Where a gradient goes: overwritten by the first of an input's readers, added to by the others.
public struct GradientTarget {
  public let view: MutableTensorView
  /// True when earlier readers have already left their part here.
  public let adds: Bool

  public init(view: MutableTensorView, adds: Bool) {
    self.view = view
    self.adds = adds
  }

  /// Stores or adds one element.
  @inline(__always)
  public func put(_ index: Int, _ value: Float) {
    if adds { view.base[index] += value } else { view.base[index] = value }
  }
}
