public import Tensors

/// What a session is for; it decides which memory may be reused.
public enum SessionPurpose: Sendable {
  /// Forward passes only: activations share memory.
  case prediction
  /// Forward passes and gradients: activations are kept.
  case gradient
}

/// The memory of one task that runs a ``Program``. Made once, used for many windows.
public struct Session: ~Copyable {
  public let program: Program
  private var input: FloatScratch

  public init(_ program: Program, for purpose: SessionPurpose) {
    self.program = program
    input = FloatScratch(count: program.inputShape.count)
  }

  /// Runs the network on the sequences that `fill` writes.
  /// - Parameter fill: gets the one-hot input, row-major `[batch, length, 4]`, zeroed; writes a 1 for each known base.
  public mutating func forward(_ fill: (UnsafeMutableBufferPointer<Float>) -> Void) {
    fatalError("in the making")
  }

  /// The elements of output `index` from the last `forward`, row-major, batch axis first.
  public func withOutput<R>(_ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    fatalError("in the making")
  }

  /// The gradient of `sum(seed * output)` with respect to the one-hot input of the last `forward`.
  ///
  /// May be called several times after one `forward` (several targets share it).
  /// - Parameters:
  ///   - seeds: for each output that takes part, its index and one weight an element, row-major, batch axis first.
  ///   - body: gets the gradient, row-major `[batch, length, 4]`.
  public mutating func gradient<R>(
    seeds: [(output: Int, weights: [Float])], _ body: (UnsafeBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    fatalError("in the making")
  }
}
