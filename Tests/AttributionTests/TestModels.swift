import Attribution
import Glibc
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport

/// A small per-position network: convolutions with dilation and bias, same padding, smooth or kinked, one logit a base.
///
/// Its reach is not symmetric, so that a swapped `back` and `ahead` shows.
struct PositionTower: Sendable {
  var seed: UInt64 = 1
  var activation: UnaryFunction = .relu
  var sigmoid = false
  var channels = 1
  /// Puts the channels before the positions: `[N, C, L]`.
  var channelsFirst = false
  /// Rows that the second convolution is shifted by: makes the reach lopsided.
  var shift = 2

  /// Of one output: bases before and behind its own that it reads.
  var back: Int { 2 + 4 + shift }
  var ahead: Int { 2 + 4 - shift }

  func graph(batch: Int, length: Int) throws -> Graph {
    var random = SplitMix64(seed: seed)
    func weights(_ shape: Shape) -> ConstantTensor {
      let scale = 2 / Float(shape.dims.dropFirst().reduce(1, *)).squareRoot()
      return ConstantTensor(shape: shape, floats: random.floats(count: shape.count).map { $0 * scale })
    }
    var builder = GraphBuilder(batch: batch, length: length)
    var x = try builder.apply(
      Convolution(weight: weights([6, 4, 5]), bias: weights([6]), padding: (2, 2)), to: builder.sequence, name: "conv1")
    x = try builder.apply(Unary(activation), to: x, name: "act1")
    x = try builder.apply(
      Convolution(weight: weights([5, 6, 3]), bias: weights([5]), dilation: 4, padding: (4 + shift, 4 - shift)), to: x,
      name: "conv2")
    x = try builder.apply(Unary(activation), to: x, name: "act2")
    x = try builder.apply(
      Convolution(weight: weights([channels, 5, 1]), bias: weights([channels])), to: x, name: "head")
    if sigmoid { x = try builder.apply(Unary(.sigmoid), to: x, name: "sigmoid") }
    if channels == 1 { x = try builder.apply(Reshape(to: [batch, length]), to: x, name: "y") }
    if channelsFirst { x = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "first") }
    return builder.graph(outputs: [x])
  }

  func network(preActivation: Bool = false) throws -> Network {
    try Network(fixedLength: nil, preActivation: preActivation) { try graph(batch: $0, length: $1) }
  }

  func model(tile: Int? = nil, offset: Int = 0, activation: OutputActivation = .logit, channel: Int? = nil) throws
    -> PositionModel
  {
    var settings = OutputSettings()
    settings.activation = activation
    settings.offset = offset
    settings.channel = channel
    let network = try network(preActivation: sigmoid && activation == .probability)
    guard case .position(let layout) = try network.settledKind(settings) else { fatalError("not per-position") }
    return try PositionModel(network, layout: layout, tile: tile)
  }

  /// Logits of a whole sequence in float64.
  func logits(_ codes: [UInt8]) throws -> [Double] {
    var plain = self
    plain.sigmoid = false
    return try plain.graph(batch: 1, length: codes.count).evaluate(oneHot(codes))[0].values
  }
}

/// One-hot rows of base codes, `[1, length, 4]`.
func oneHot(_ codes: [UInt8]) -> ConstantTensor {
  var values = [Double](repeating: 0, count: codes.count * 4)
  for (column, code) in codes.enumerated() where code < 4 { values[column * 4 + Int(code)] = 1 }
  return ConstantTensor(shape: [1, codes.count, 4], values: values)
}

func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
