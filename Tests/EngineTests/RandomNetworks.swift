import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport

/// Small random networks built the way exporters write them (channels first, transposes around every layer).
struct RandomNetwork {
  var random: SplitMix64
  var builder: GraphBuilder
  let batch: Int

  init(seed: UInt64, batch: Int, length: Int) {
    random = SplitMix64(seed: seed)
    builder = GraphBuilder(batch: batch, length: length)
    self.batch = batch
  }

  mutating func weights(_ shape: Shape) -> ConstantTensor {
    let scale = 1 / Float(max(1, shape.dims.dropFirst().reduce(1, *))).squareRoot()
    return ConstantTensor(shape: shape, floats: random.floats(count: shape.count).map { $0 * scale * 1.7 })
  }

  /// Applies a channels-last operator to a channels-first value, as the importer does.
  mutating func channelsFirst(_ op: any NetworkOperator, _ x: Graph.ValueID) throws -> Graph.ValueID {
    let last = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "to.last")
    let y = try builder.apply(op, to: last, name: op.kind)
    return try builder.apply(Transpose(permutation: [0, 2, 1]), to: y, name: "to.first")
  }

  /// A tower of random layers and a dense head, or one output a position.
  mutating func network(perPosition: Bool) throws -> Graph {
    var x = try builder.apply(Transpose(permutation: [0, 2, 1]), to: builder.sequence, name: "input")
    for _ in 0..<Int.random(in: 2...4, using: &random) {
      let shape = builder.shape(of: x)
      let (channels, length) = (shape[1], shape[2])
      switch perPosition ? Int.random(in: 0...1, using: &random) : Int.random(in: 0...8, using: &random) {
      case 0, 3:
        let outputs = [3, 8, 17].randomElement(using: &random)!
        let taps = [1, 2, 3, 5].randomElement(using: &random)!
        let dilation = length > 20 ? [1, 2].randomElement(using: &random)! : 1
        let span = (taps - 1) * dilation
        let stride = perPosition ? 1 : [1, 1, 2].randomElement(using: &random)!
        x = try channelsFirst(
          Convolution(
            weight: weights([outputs, channels, taps]), bias: weights([outputs]), stride: stride, dilation: dilation,
            padding: (span / 2, span - span / 2)), x)
        if Bool.random(using: &random) {
          let scale = (0..<outputs).map { _ in Double.random(in: 0.5..<1.5, using: &random) }
          let shift = (0..<outputs).map { _ in Double.random(in: -0.5..<0.5, using: &random) }
          x = try builder.apply(ScaleShift(scale: scale, shift: shift, axis: 1), to: x, name: "bn")
        }
        let function: UnaryFunction = [.relu, .gelu, .softplus, .tanh].randomElement(using: &random)!
        x = try builder.apply(Unary(function), to: x, name: "act")
      case 1:
        // A residual block around a grouped convolution.
        let groups = channels % 2 == 0 ? 2 : 1
        let inner = try channelsFirst(
          Convolution(
            weight: weights([channels, channels / groups, 3]), bias: nil, groups: groups, padding: (1, 1)), x)
        let active = try builder.apply(Unary(.relu), to: inner, name: "act")
        x = try builder.apply(Binary(.add), to: x, active, name: "residual")
      case 2:
        guard length >= 6 else { continue }
        x = try channelsFirst(
          Pool(
            kind: Bool.random(using: &random) ? .max : .average, size: 3, stride: 2, padding: (1, 1),
            ceilMode: Bool.random(using: &random), countIncludesPadding: Bool.random(using: &random)), x)
      case 5:
        // A crop of positions and of channels, side by side again.
        guard length >= 6, channels >= 3 else { continue }
        let crop = Slice(cuts: [
          .init(start: 0, count: batch), .init(start: 1, count: 2), .init(start: 2, count: length - 3),
        ])
        let rest = Slice(cuts: [
          .init(start: 0, count: batch), .init(start: 0, count: channels), .init(start: 1, count: length - 3),
        ])
        let (a, b) = (try builder.apply(crop, to: x, name: "crop"), try builder.apply(rest, to: x, name: "rest"))
        x = try builder.apply(Concat(axis: 1), to: [a, b], name: "concat")[0]
      case 6:
        // Positions behind each other, every second one.
        guard length >= 8 else { continue }
        let even = Slice(cuts: [
          .init(start: 0, count: batch), .init(start: 0, count: channels), .init(start: 1, step: 2, count: length / 2),
        ])
        let y = try builder.apply(even, to: x, name: "even")
        x = try builder.apply(Concat(axis: 2), to: [y, x], name: "behind")[0]
      case 7:
        // As many channels as positions, and one factor a position: counts alone do not tell the axes apart.
        x = try channelsFirst(Convolution(weight: weights([length, channels, 1]), bias: nil), x)
        let factors = builder.constant(weights([length]), name: "factors")
        x = try builder.apply(Binary(.multiply), to: x, factors, name: "by.position")
      case 8:
        // Branches whose kernels differ at one stride: their windows do not end together.
        guard length >= 8, length % 2 == 0 else { continue }
        let a = try channelsFirst(
          Convolution(weight: weights([channels, channels, 3]), bias: nil, stride: 2, padding: (1, 1)), x)
        let b = try channelsFirst(
          Convolution(weight: weights([channels, channels, 4]), bias: nil, stride: 2, padding: (1, 1)), x)
        x =
          Bool.random(using: &random)
          ? try builder.apply(Binary(.add), to: a, b, name: "branches")
          : try builder.apply(Concat(axis: 1), to: [a, b], name: "branches")[0]
      default:
        // Unit axes around an elementwise layer, as two-dimensional exports have them.
        let wide = try builder.apply(Reshape(to: [batch, channels, 1, length]), to: x, name: "unsqueeze")
        let gate = builder.constant(weights([channels, 1, 1]), name: "gate")
        let scaled = try builder.apply(Binary(.multiply), to: wide, gate, name: "gated")
        let active = try builder.apply(Unary(.swish(alpha: 1)), to: scaled, name: "act")
        x = try builder.apply(Reshape(to: [batch, channels, length]), to: active, name: "squeeze")
      }
    }
    let shape = builder.shape(of: x)
    if perPosition {
      let y = try channelsFirst(Convolution(weight: weights([1, shape[1], 1]), bias: weights([1])), x)
      let output = try builder.apply(Reshape(to: [batch, shape[2]]), to: y, name: "output")
      return builder.graph(outputs: [output])
    }
    let flat = try builder.apply(Reshape(to: [batch, shape[1] * shape[2]]), to: x, name: "flatten")
    let hidden = try builder.apply(
      Dense(weight: weights([shape[1] * shape[2], 11]), bias: weights([11])), to: flat, name: "fc1")
    let active = try builder.apply(Unary(.relu), to: hidden, name: "act")
    let output = try builder.apply(Dense(weight: weights([11, 3]), bias: nil), to: active, name: "fc2")
    let pooling: ReduceFunction = [.mean, .sum, .max].randomElement(using: &random)!
    let pooled = try builder.apply(
      Reduce(pooling, axes: [2], keepsAxes: Bool.random(using: &random)), to: x, name: "pool")
    return builder.graph(outputs: [output, x, pooled])
  }
}
