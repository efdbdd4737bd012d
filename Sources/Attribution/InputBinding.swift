internal import ONNXImport
public import Tensors

/// What an input besides the sequence is bound to.
public enum InputBinding: Sendable {
  /// Zeros of the input's shape; a free first axis is the batch, any other free axis the sequence length.
  case zeros
  /// Given numbers, used for every sequence.
  case values(ConstantTensor)

  func tensor(for port: ModelPort, batch: Int, length: Int) throws(AttributionError) -> ConstantTensor {
    let shape = Shape(
      port.dimensions.enumerated().map { axis, dimension in
        switch dimension {
        case .fixed(let count): count
        case .symbolic: axis == 0 ? batch : length
        }
      })
    switch self {
    case .zeros: return ConstantTensor(shape: shape, values: [Double](repeating: 0, count: shape.count))
    case .values(let tensor):
      if tensor.shape == shape { return tensor }
      // One sequence's worth of numbers serves every row of the batch.
      if tensor.shape.count * (shape.dims.first ?? 1) == shape.count {
        return ConstantTensor(
          shape: shape, kind: tensor.kind, values: (0..<(shape.dims.first ?? 1)).flatMap { _ in tensor.values })
      }
      throw .contradiction(
        reason: "--input \(port.name): the file holds an array of shape \(tensor.shape), the model wants \(shape)")
    }
  }
}
