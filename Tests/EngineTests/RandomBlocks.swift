import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport

/// Blocks that came after plain convolutions: gates, normalisations, attention, branches. Channels last, `[batch, L, C]`.
enum Block: String, CaseIterable, Sendable {
  case squeezeExcitation, layerNorm, groupNorm, instanceNorm, softmaxOfChannels, softmaxOfPositions
  case attention, headedAttention, causalAttention
  case gatedSplit, concatenation, crops, paddedMaxPool, paddedAveragePool, attentionPool, clipped, maximumOfBranches
  case logSumExp, squaredSum, quotient, power, positionEmbedding
  case logSoftmaxOfChannels, logSoftmaxOfPositions, scalarGate
  case parametricRelu, chosenSlopes, channelsFirstGate, rowGate, rowNorm
  case sequenceFirst, flatRows, planarPooling, pointwisePlane
  case upsampled, interpolated, repeated, transposedConvolution, reflected, wrapped, shuffledChannels, onePosition,
    repeatedBases
  case rowReductions, generalisedMean, flooredLogarithm, normalisedSum, largeLogSumExp, maxout

  /// Blocks of which every operator has a difference rule.
  static let ruled: [Block] =
    [
      .squeezeExcitation, .layerNorm, .instanceNorm, .softmaxOfChannels, .softmaxOfPositions, .logSoftmaxOfChannels,
      .logSoftmaxOfPositions, .scalarGate, .attentionPool, .attention, .headedAttention, .causalAttention, .gatedSplit,
      .concatenation,
      .paddedMaxPool, .paddedAveragePool, .clipped, .positionEmbedding, .parametricRelu, .chosenSlopes,
      .channelsFirstGate, .rowGate, .rowNorm, .quotient, .sequenceFirst, .flatRows, .planarPooling, .crops,
    ] + resampled + [
      .wrapped, .shuffledChannels, .onePosition, .repeatedBases, .maximumOfBranches, .logSumExp, .squaredSum, .power,
      .rowReductions, .generalisedMean, .flooredLogarithm, .normalisedSum, .largeLogSumExp, .maxout, .pointwisePlane,
      .groupNorm,
    ]

  /// Blocks that repeat, reflect or spread entries and yet change few of them.
  static let resampled: [Block] = [
    .upsampled, .interpolated, .repeated, .transposedConvolution, .reflected,
  ]

  /// Whether a softmax of products or a norm over everything amplifies roundings of its inputs.
  var isAttention: Bool { [.attention, .headedAttention, .causalAttention, .attentionPool].contains(self) }
}

extension RandomNetwork {
  /// Convolution, the block, a convolution and a dense head.
  mutating func network(_ block: Block) throws -> Graph {
    var x = builder.sequence
    x = try builder.apply(
      Convolution(weight: weights([6, 4, 5]), bias: weights([6]), padding: (2, 2)), to: x, name: "stem")
    x = try builder.apply(Unary([.relu, .gelu, .softplus].randomElement(using: &random)!), to: x, name: "act")
    x = try apply(block, to: x)
    let shape = builder.shape(of: x)
    if shape[1] >= 3 {
      x = try builder.apply(
        Convolution(weight: weights([5, shape[2], 3]), bias: weights([5]), padding: (1, 1)), to: x, name: "after")
      x = try builder.apply(Unary(.tanh), to: x, name: "act.after")
    }
    let last = builder.shape(of: x)
    let flat = try builder.apply(Reshape(to: [batch, last[1] * last[2]]), to: x, name: "flat")
    let y = try builder.apply(
      Dense(weight: weights([last[1] * last[2], 3]), bias: weights([3])), to: flat, name: "head")
    return builder.graph(outputs: [y])
  }

  private mutating func dense(_ x: Graph.ValueID, to outputs: Int, _ name: String) throws -> Graph.ValueID {
    let inputs = builder.shape(of: x).dims.last!
    return try builder.apply(Dense(weight: weights([inputs, outputs]), bias: weights([outputs])), to: x, name: name)
  }

  private mutating func number(_ value: Double) -> Graph.ValueID {
    builder.constant(ConstantTensor(scalar: value), name: "number")
  }

  private mutating func apply(_ block: Block, to x: Graph.ValueID) throws -> Graph.ValueID {
    let (length, channels) = (builder.shape(of: x)[1], builder.shape(of: x)[2])
    switch block {
    case .squeezeExcitation:
      let mean = try builder.apply(Reduce(.mean, axes: [1], keepsAxes: true), to: x, name: "squeeze")
      let inner = try builder.apply(Unary(.relu), to: dense(mean, to: 3, "down"), name: "relu")
      let gate = try builder.apply(Unary(.sigmoid), to: dense(inner, to: channels, "up"), name: "gate")
      return try builder.apply(Binary(.multiply), to: x, gate, name: "excite")
    case .layerNorm, .groupNorm:
      let axes = block == .layerNorm ? [2] : [1, 2]
      let entries = block == .layerNorm ? channels : length * channels
      let numbers = random.floats(count: 2 * entries).map(Double.init)
      return try builder.apply(
        Normalization(
          axes: axes, epsilon: 1e-5, scale: numbers.prefix(entries).map { 1 + $0 / 2 },
          shift: Array(numbers.suffix(entries))),
        to: x, name: "norm")
    case .instanceNorm:
      // Twice: of some rows that change, and of all.
      let norm = try builder.apply(Normalization(axes: [1], epsilon: 1e-5), to: x, name: "norm")
      let mixed = try dense(norm, to: 5, "mixed")
      return try builder.apply(Normalization(axes: [1], epsilon: 1e-3), to: mixed, name: "again")
    case .softmaxOfChannels: return try builder.apply(Softmax(axis: 2), to: x, name: "softmax")
    case .logSoftmaxOfChannels, .logSoftmaxOfPositions:
      let axis = block == .logSoftmaxOfChannels ? 2 : 1
      return try builder.apply(Softmax(axis: axis, logarithm: true), to: x, name: "logarithms")
    case .scalarGate:
      let mean = try builder.apply(Reduce(.mean, axes: [1], keepsAxes: true), to: x, name: "squeeze")
      let gate = try builder.apply(Unary(.sigmoid), to: dense(mean, to: 1, "excite"), name: "gate")
      return try builder.apply(Binary(.multiply), to: x, gate, name: "gated")
    case .softmaxOfPositions: return try builder.apply(Softmax(axis: 1), to: x, name: "softmax")
    case .attention, .causalAttention:
      let (q, k, v) = (try dense(x, to: 4, "q"), try dense(x, to: 4, "k"), try dense(x, to: channels, "v"))
      let products = try builder.apply(MatMul(transposeB: true), to: q, k, name: "products")
      var scaled = try builder.apply(Binary(.multiply), to: products, number(0.5), name: "scaled")
      if block == .causalAttention {
        let later = (0..<length * length).map { $0 % length > $0 / length ? 1.0 : 0 }
        let mask = builder.constant(
          ConstantTensor(shape: [length, length], kind: .boolean, values: later), name: "mask")
        scaled = try builder.apply(Where(), to: mask, number(-.infinity), scaled, name: "masked")
      }
      let weights = try builder.apply(Softmax(axis: 2), to: scaled, name: "weights")
      let mixed = try builder.apply(MatMul(), to: weights, v, name: "mixed")
      return try builder.apply(Binary(.add), to: x, mixed, name: "residual")
    case .headedAttention:
      func heads(_ network: inout RandomNetwork, _ name: String) throws -> Graph.ValueID {
        let all = try network.dense(x, to: 6, name)
        let split = try network.builder.apply(
          Reshape(to: [network.batch, length, 2, 3]), to: all, name: "\(name).heads")
        return try network.builder.apply(Transpose(permutation: [0, 2, 1, 3]), to: split, name: "\(name).first")
      }
      let (q, k, v) = (try heads(&self, "q"), try heads(&self, "k"), try heads(&self, "v"))
      let products = try builder.apply(MatMul(transposeB: true), to: q, k, name: "products")
      let weights = try builder.apply(Softmax(axis: 3), to: products, name: "weights")
      let mixed = try builder.apply(MatMul(), to: weights, v, name: "mixed")
      let back = try builder.apply(Transpose(permutation: [0, 2, 1, 3]), to: mixed, name: "back")
      return try builder.apply(Reshape(to: [batch, length, 6]), to: back, name: "joined")
    case .attentionPool:
      let logits = try dense(x, to: channels, "logits")
      let weights = try builder.apply(Softmax(axis: 1), to: logits, name: "weights")
      let weighted = try builder.apply(Binary(.multiply), to: x, weights, name: "weighted")
      return try builder.apply(Reduce(.sum, axes: [1], keepsAxes: true), to: weighted, name: "pooled")
    case .gatedSplit:
      let both = try builder.apply(Split(axis: 2, lengths: [3, channels - 3]), to: [x], name: "split")
      let gate = try builder.apply(Unary(.sigmoid), to: both[1], name: "gate")
      return try builder.apply(Binary(.multiply), to: both[0], gate, name: "gated")
    case .concatenation:
      let branch = try builder.apply(
        Convolution(weight: weights([4, channels, 3]), bias: nil, dilation: 2, padding: (2, 2)), to: x, name: "branch")
      return try builder.apply(Concat(axis: 2), to: [x, branch, builder.sequence], name: "concat")[0]
    case .crops:
      func crop(_ start: Int, _ step: Int, _ count: Int) -> Slice {
        Slice(cuts: [
          .init(start: 0, count: batch), .init(start: start, step: step, count: count),
          .init(start: 1, count: channels - 1),
        ])
      }
      let a = try builder.apply(crop(2, 1, length - 5), to: x, name: "middle")
      let b = try builder.apply(crop(length - 1, -1, length - 5), to: x, name: "reversed")
      return try builder.apply(Binary(.add), to: a, b, name: "folded")
    case .upsampled, .interpolated:
      // Down and up again, beside what was there before.
      let half = try builder.apply(Pool(kind: .max, size: 2, stride: 2), to: x, name: "down")
      let rows = builder.shape(of: half)[1]
      func picked(_ shift: Int, _ name: String) throws -> Graph.ValueID {
        try builder.apply(
          Gather(
            axis: 1, indices: (0..<2 * rows).map { min(max(($0 + shift) >> 1, 0), rows - 1) }, indexShape: [2 * rows]),
          to: half, name: name)
      }
      guard block == .interpolated else {
        let up = try picked(0, "up")
        let cut = Slice(cuts: [
          .init(start: 0, count: batch), .init(start: 0, count: 2 * rows), .init(start: 0, count: channels),
        ])
        return try builder.apply(Concat(axis: 2), to: [up, builder.apply(cut, to: x, name: "skip")], name: "joined")[0]
      }
      func share(_ even: Double, _ odd: Double) -> Graph.ValueID {
        builder.constant(
          ConstantTensor(shape: [1, 2 * rows, 1], values: (0..<2 * rows).map { $0 % 2 == 0 ? even : odd }),
          name: "share")
      }
      let low = try builder.apply(Binary(.multiply), to: picked(-1, "low"), share(0.25, 0.75), name: "part.low")
      let high = try builder.apply(Binary(.multiply), to: picked(1, "high"), share(0.75, 0.25), name: "part.high")
      return try builder.apply(Binary(.add), to: low, high, name: "between")
    case .repeated:
      // As exporters write it, of channels first, and of channels last.
      let half = try builder.apply(Pool(kind: .max, size: 4, stride: 4), to: x, name: "down")
      let rows = builder.shape(of: half)[1]
      let columns = try builder.apply(Transpose(permutation: [0, 2, 1]), to: half, name: "columns")
      let apart = try builder.apply(Reshape(to: [batch, channels, rows, 1]), to: columns, name: "apart")
      let tiled = try builder.apply(Tile(repeats: [1, 1, 1, 2]), to: apart, name: "tiled")
      let twice = try builder.apply(Reshape(to: [batch, channels, 2 * rows]), to: tiled, name: "twice")
      let back = try builder.apply(Transpose(permutation: [0, 2, 1]), to: twice, name: "back")
      let single = try builder.apply(Reshape(to: [batch, 2 * rows, 1, channels]), to: back, name: "single")
      let wide = try builder.apply(Expand(to: [batch, 2 * rows, 2, channels]), to: single, name: "wide")
      return try builder.apply(Reshape(to: [batch, 4 * rows, channels]), to: wide, name: "joined")
    case .transposedConvolution:
      let down = try builder.apply(
        Convolution(weight: weights([4, channels, 3]), bias: nil, stride: 3, padding: (1, 1)), to: x, name: "down")
      let apart = try builder.apply(Interleave(axis: 1, stride: 3), to: down, name: "apart")
      return try builder.apply(
        Convolution(weight: weights([4, 4, 5]), bias: nil, padding: (2, 3)), to: apart, name: "up")
    case .reflected, .wrapped:
      let wanted = -3..<length + 3
      let indices = wanted.map { place in
        block == .wrapped
          ? (place + length) % length : min(abs(place), 2 * (length - 1) - abs(place))
      }
      let padded = try builder.apply(
        Gather(axis: 1, indices: indices, indexShape: [indices.count]), to: x, name: "padded")
      return try builder.apply(Convolution(weight: weights([4, channels, 7]), bias: nil), to: padded, name: "inner")
    case .shuffledChannels:
      let order = [4, 1, 1, -1]
      return try builder.apply(Gather(axis: 2, indices: order, indexShape: [4]), to: x, name: "shuffled")
    case .onePosition:
      let middle = try builder.apply(Gather(axis: 1, indices: [length / 2], indexShape: []), to: x, name: "middle")
      return try builder.apply(Reshape(to: [batch, 1, channels]), to: middle, name: "row")
    case .repeatedBases:
      // More rows than bases: no window is kept.
      let twice = try builder.apply(
        Gather(axis: 1, indices: (0..<2 * length).map { $0 / 2 }, indexShape: [2 * length]), to: x, name: "twice")
      let apart = try builder.apply(Interleave(axis: 1, stride: 2), to: x, name: "apart")
      let padded = try builder.apply(Pad(before: [0, 1, 0], after: [0, 0, 0], value: 0.5), to: apart, name: "padded")
      return try builder.apply(Binary(.add), to: twice, padded, name: "sum")
    case .paddedMaxPool, .paddedAveragePool:
      return try builder.apply(
        Pool(
          kind: block == .paddedMaxPool ? .max : .average, size: 4, stride: 3, padding: (2, 1), ceilMode: true,
          countIncludesPadding: Bool.random(using: &random)), to: x, name: "pool")
    case .clipped:
      let clipped = try builder.apply(Unary(.clip(minimum: -0.2, maximum: 0.9)), to: x, name: "clip")
      return try builder.apply(Unary(.hardSwish), to: clipped, name: "hard")
    case .maximumOfBranches:
      let branch = try dense(x, to: channels, "branch")
      let top = try builder.apply(Binary(.maximum), to: x, branch, name: "maximum")
      return try builder.apply(Binary(.minimum), to: top, number(0.8), name: "minimum")
    case .logSumExp, .squaredSum:
      return try builder.apply(
        Reduce(block == .logSumExp ? .logSumExp : .sumSquare, axes: [1], keepsAxes: true), to: x, name: "reduced")
    case .generalisedMean, .flooredLogarithm, .normalisedSum:
      // Units that one base switches off, so that next to nothing is left for a function that is steep there.
      let single = try builder.apply(Unary(.relu), to: dense(builder.sequence, to: channels, "single"), name: "units")
      switch block {
      case .generalisedMean:
        let clipped = try builder.apply(Unary(.clip(minimum: 1e-6, maximum: 1e9)), to: single, name: "clipped")
        let cubes = try builder.apply(Binary(.power), to: clipped, number(3), name: "cubes")
        let mean = try builder.apply(Pool(kind: .average, size: 2, stride: 2), to: cubes, name: "mean")
        return try builder.apply(Binary(.power), to: mean, number(1.0 / 3), name: "root")
      case .flooredLogarithm:
        let mean = try builder.apply(Pool(kind: .average, size: 3, stride: 1), to: single, name: "mean")
        let floored = try builder.apply(Binary(.add), to: mean, number(1e-8), name: "floored")
        return try builder.apply(Unary(.log), to: floored, name: "logarithm")
      default:
        let sum = try builder.apply(Reduce(.sum, axes: [2], keepsAxes: true), to: single, name: "sum")
        let mean = try builder.apply(Pool(kind: .average, size: 2, stride: 2), to: sum, name: "mean")
        let floored = try builder.apply(Binary(.add), to: mean, number(1e-6), name: "floored")
        let first = Slice(cuts: [
          .init(start: 0, count: batch), .init(start: 0, step: 2, count: length / 2), .init(start: 0, count: channels),
        ])
        return try builder.apply(
          Binary(.divide), to: builder.apply(first, to: single, name: "first"), floored, name: "shares")
      }
    case .largeLogSumExp:
      let large = try builder.apply(Binary(.multiply), to: x, number(2000), name: "large")
      let pooled = try builder.apply(Reduce(.logSumExp, axes: [1], keepsAxes: true), to: large, name: "pooled")
      return try builder.apply(Binary(.multiply), to: pooled, number(0.0005), name: "small")
    case .maxout:
      // By a reshape of channels first.
      let columns = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "columns")
      let pairs = try builder.apply(Reshape(to: [batch, channels / 2, 2, length]), to: columns, name: "pairs")
      let most = try builder.apply(Reduce(.max, axes: [2], keepsAxes: false), to: pairs, name: "most")
      return try builder.apply(Transpose(permutation: [0, 2, 1]), to: most, name: "rows")
    case .rowReductions:
      // Of some rows that change.
      var result = x
      for function in [ReduceFunction.l1, .l2, .sumSquare, .logSumExp, .min] {
        let reduced = try builder.apply(
          Reduce(function, axes: [2], keepsAxes: true), to: result, name: function.rawValue)
        let shifted = try builder.apply(Binary(.add), to: reduced, number(1), name: "\(function.rawValue).shifted")
        result = try builder.apply(Binary(.divide), to: result, shifted, name: "by.\(function.rawValue)")
      }
      return result
    case .quotient:
      let positive = try builder.apply(Unary(.exp), to: dense(x, to: channels, "branch"), name: "exp")
      return try builder.apply(Binary(.divide), to: x, positive, name: "quotient")
    case .power:
      let positive = try builder.apply(Unary(.softplus), to: x, name: "positive")
      return try builder.apply(Binary(.power), to: positive, number(1.7), name: "power")
    case .parametricRelu:
      // Of channels first, as it comes from a file, and of channels last.
      let columns = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "columns")
      let slopes = (random.floats(count: channels).map(Double.init), random.floats(count: 4).map(Double.init))
      let sloped = try builder.apply(ParametricRelu(slopes: slopes.0, axis: 1), to: columns, name: "sloped")
      let rows = try builder.apply(Transpose(permutation: [0, 2, 1]), to: sloped, name: "rows")
      let mixed = try dense(rows, to: 4, "mixed")
      return try builder.apply(ParametricRelu(slopes: slopes.1, axis: 2), to: mixed, name: "again")
    case .chosenSlopes:
      // As some exporters write it.
      let slopes = builder.constant(weights([channels]), name: "slopes")
      let sloped = try builder.apply(Binary(.multiply), to: slopes, x, name: "sloped")
      let positive = try builder.apply(Predicate(.greater), to: x, number(0), name: "positive")
      return try builder.apply(Where(), to: positive, x, sloped, name: "chosen")
    case .channelsFirstGate:
      let columns = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "columns")
      let mean = try builder.apply(Reduce(.mean, axes: [2], keepsAxes: false), to: columns, name: "squeeze")
      let gate = try builder.apply(Unary(.sigmoid), to: dense(mean, to: channels, "excite"), name: "gate")
      let unit = try builder.apply(Reshape(to: [batch, channels, 1]), to: gate, name: "unit")
      let gated = try builder.apply(Binary(.multiply), to: unit, columns, name: "gated")
      return try builder.apply(Transpose(permutation: [0, 2, 1]), to: gated, name: "rows")
    case .rowGate:
      let mean = try builder.apply(Reduce(.mean, axes: [1], keepsAxes: true), to: x, name: "mean")
      let centred = try builder.apply(Binary(.subtract), to: x, mean, name: "centred")
      let squeeze = try builder.apply(Reduce(.mean, axes: [2], keepsAxes: true), to: centred, name: "squeeze")
      let gate = try builder.apply(Unary(.sigmoid), to: squeeze, name: "gate")
      let gated = try builder.apply(Binary(.multiply), to: gate, centred, name: "gated")
      let most = try builder.apply(Reduce(.max, axes: [2], keepsAxes: true), to: gated, name: "most")
      return try builder.apply(Binary(.subtract), to: gated, most, name: "below")
    case .rowNorm:
      // Each row by itself, so that an edit changes a few: a root mean square, and a gate that is spread over the channels.
      let squares = try builder.apply(Binary(.multiply), to: x, x, name: "squares")
      let mean = try builder.apply(Reduce(.mean, axes: [2], keepsAxes: true), to: squares, name: "mean")
      let shifted = try builder.apply(Binary(.add), to: mean, number(0.1), name: "shifted")
      let root = try builder.apply(Unary(.sqrt), to: shifted, name: "root")
      let normal = try builder.apply(Binary(.divide), to: x, root, name: "normal")
      let most = try builder.apply(Reduce(.max, axes: [2], keepsAxes: true), to: normal, name: "most")
      let spread = try builder.apply(
        Expand(to: builder.shape(of: x)), to: builder.apply(Unary(.sigmoid), to: most, name: "gate"), name: "spread")
      return try builder.apply(Binary(.multiply), to: normal, spread, name: "gated")
    case .sequenceFirst:
      let moved = try builder.apply(Transpose(permutation: [1, 0, 2]), to: x, name: "moved")
      let hidden = try builder.apply(Unary(.softplus), to: dense(moved, to: 7, "hidden"), name: "softplus")
      return try builder.apply(Transpose(permutation: [1, 0, 2]), to: dense(hidden, to: 4, "out"), name: "back")
    case .flatRows:
      let flat = try builder.apply(Reshape(to: [batch * length, channels]), to: x, name: "rows")
      let hidden = try builder.apply(Unary(.tanh), to: dense(flat, to: 5, "hidden"), name: "tanh")
      let back = try builder.apply(Reshape(to: [batch, length, 4]), to: dense(hidden, to: 4, "out"), name: "back")
      return try builder.apply(Binary(.multiply), to: back, back, name: "squares")
    case .planarPooling:
      let columns = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "columns")
      let plane = try builder.apply(Reshape(to: [batch, channels, 1, length]), to: columns, name: "plane")
      let mean = try builder.apply(Reduce(.mean, axes: [2, 3], keepsAxes: true), to: plane, name: "mean")
      let most = try builder.apply(Reduce(.max, axes: [2, 3], keepsAxes: false), to: plane, name: "most")
      let flat = try builder.apply(Reshape(to: [batch, channels]), to: mean, name: "flat.mean")
      let both = try builder.apply(Concat(axis: 1), to: [flat, most], name: "both")[0]
      return try builder.apply(Reshape(to: [batch, 1, 2 * channels]), to: both, name: "row")
    case .pointwisePlane:
      // Attention pooling of pairs of positions.
      let columns = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "columns")
      let pairs = try builder.apply(Reshape(to: [batch, channels, length / 2, 2]), to: columns, name: "pairs")
      let shares = try builder.apply(Softmax(axis: 3), to: pairs, name: "shares")
      let weighted = try builder.apply(Binary(.multiply), to: pairs, shares, name: "weighted")
      let pooled = try builder.apply(Reduce(.sum, axes: [3], keepsAxes: false), to: weighted, name: "pooled")
      return try builder.apply(Transpose(permutation: [0, 2, 1]), to: pooled, name: "rows")
    case .positionEmbedding:
      let embedding = builder.constant(weights([length, channels]), name: "embedding")
      let moved = try builder.apply(Binary(.add), to: x, embedding, name: "moved")
      return try builder.apply(Binary(.multiply), to: moved, embedding, name: "scaled")
    }
  }
}
