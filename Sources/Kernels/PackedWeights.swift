internal import Tensors

/// Weights of a convolution or dense layer in the order the kernel reads them: `[panel][tap][input][16 outputs]`.
///
/// Outputs beyond the last are zero, so that a kernel may always read whole panels.
public struct PackedWeights: Sendable {
  public let taps: Int
  public let inputs: Int
  public let outputs: Int
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
    let panel = KernelSet.panel
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

  /// Floats between the panels.
  var panelStride: Int { taps * inputs * KernelSet.panel }
}
