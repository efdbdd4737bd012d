internal import Tensors

/// Weights of a convolution or dense layer in the order the kernel reads them.
///
/// Usually `[panel][tap][input][16 outputs]`: outputs beyond the last are zero, so that a kernel may always read whole
/// panels. Layers of few outputs are `[output][tap][input]`: their vector lanes run along the inputs instead.
public struct PackedWeights: Sendable {
  public let taps: Int
  public let inputs: Int
  public let outputs: Int
  /// Few outputs, so that panels would be mostly padding.
  let isNarrow: Bool
  let storage: AlignedFloats
  let bias: AlignedFloats?

  /// - Parameters:
  ///   - weight: the weight of output channel, tap and input channel.
  ///   - bias: one number an output channel, added after the sum.
  public init(
    taps: Int, inputs: Int, outputs: Int, bias: [Float]?, weight: (_ output: Int, _ tap: Int, _ input: Int) -> Float
  ) {
    precondition(taps > 0 && inputs > 0 && outputs > 0, "empty weights")
    precondition(bias == nil || bias!.count == outputs, "one bias an output channel")
    self.taps = taps
    self.inputs = inputs
    self.outputs = outputs
    isNarrow = outputs <= Self.narrowOutputs && taps * inputs >= Self.narrowTerms
    let panel = KernelSet.panel
    if isNarrow {
      storage = AlignedFloats(count: outputs * taps * inputs) { buffer in
        for output in 0..<outputs {
          for tap in 0..<taps {
            for input in 0..<inputs { buffer[(output * taps + tap) * inputs + input] = weight(output, tap, input) }
          }
        }
      }
      self.bias = bias.map { AlignedFloats($0) }
      return
    }
    let panels = (outputs + panel - 1) / panel
    storage = AlignedFloats(count: panels * taps * inputs * panel) { buffer in
      for output in 0..<outputs {
        let first = (output / panel) * taps * inputs * panel + output % panel
        for tap in 0..<taps {
          for input in 0..<inputs { buffer[first + (tap * inputs + input) * panel] = weight(output, tap, input) }
        }
      }
    }
    self.bias = bias.map { values in
      AlignedFloats(count: panels * panel) { buffer in _ = buffer.update(from: values) }
    }
  }

  /// Outputs up to which lanes run along the inputs, when there are enough of those (measured: docs/kernels.md).
  private static let narrowOutputs = 8
  private static let narrowTerms = 32

  /// Floats between the panels, or between the outputs of narrow weights.
  var panelStride: Int { taps * inputs * (isNarrow ? 1 : KernelSet.panel) }

  /// The weights from a tap and an input on.
  func pointer(tap: Int, input: Int = 0) -> UnsafePointer<Float> {
    storage.pointer + (tap * inputs + input) * (isNarrow ? 1 : KernelSet.panel)
  }
}
