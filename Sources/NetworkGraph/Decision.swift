public import Tensors

/// A choice between two smooth branches that an operator makes for one element: a side of ReLU, the winner of a maximum.
///
/// Where the compared numbers are nearly equal the derivative depends on rounding: a kink (docs/numerics.md).
public struct Decision: Sendable {
  /// An element of an operand.
  public struct Place: Hashable, Sendable {
    public let operand: Int
    public let element: Int

    public init(operand: Int, element: Int) {
      self.operand = operand
      self.element = element
    }
  }

  /// Element of the output that is decided.
  public let output: Int
  /// The element that is compared.
  public let element: Place
  /// The element it is compared with; `nil` for a fixed number.
  public let rival: Place?
  /// How far apart the compared numbers are, in their own units; 0 or more.
  public let distance: Float
  /// By how much the slope of the output changes, along `element - rival`, when the decision falls the other way.
  public let jump: Float

  public init(output: Int, element: Place, rival: Place? = nil, distance: Float, jump: Float) {
    self.output = output
    self.element = element
    self.rival = rival
    self.distance = distance
    self.jump = jump
  }
}

/// A compiled operator whose derivative jumps somewhere: piecewise linear functions, maxima, comparisons.
public protocol DecidingOperator: CompiledOperator {
  /// Hands over the decisions whose distance is at most `margin`, in order of the elements.
  ///
  /// Operators with one output. A maximum names the winner against each rival that is near enough.
  func decisions(
    within margin: Float, inputs: [TensorView], output: TensorView, _ body: (Decision) -> Void)
}
