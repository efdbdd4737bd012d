import Kernels
import NetworkGraph
import Tensors
import TestSupport

@testable import Operators

/// At least one case for every operator that runs on data, odd sizes and several sequences included.
enum OperatorTable {
  static let cases: [OperatorCase] = {
    do {
      let groups = [
        unary(), binary(), try convolutions(), try products(), try pools(), movement(), selection(), try orders(),
        reductions(), normalizations(), attentions(), predicates(), try recurrences(),
      ]
      return groups.flatMap { $0 }
    } catch {
      fatalError("the table holds an operator that cannot be made: \(error)")
    }
  }()

  private static func tensor(_ shape: Shape, seed: UInt64) -> ConstantTensor {
    var random = SplitMix64(seed: seed)
    return ConstantTensor(shape: shape, floats: random.floats(count: shape.count))
  }

  private static func doubles(_ count: Int, seed: UInt64) -> [Double] {
    tensor([count], seed: seed).values
  }

  private static func unary() -> [OperatorCase] {
    let everywhere: [UnaryFunction] = [
      .relu, .leakyRelu(slope: 0.125), .elu(alpha: 0.75), .selu(alpha: 1.6732632423543772, gamma: 1.0507009873554805),
      .celu(alpha: 1.5), .gelu, .geluTanh, .sigmoid, .hardSigmoid(alpha: 0.25, beta: 0.5), .hardSwish,
      .swish(alpha: 1), .mish, .tanh, .softplus, .softsign, .exp, .negate, .absolute, .erf,
      .clip(minimum: -0.5, maximum: 1),
    ]
    let positive: [UnaryFunction] = [.log, .sqrt, .reciprocal]
    return everywhere.map { OperatorCase("\($0)", Unary($0), [[2, 7, 3]], in: -4...4) }
      + positive.map { OperatorCase("\($0)", Unary($0), [[3, 5, 1]], in: 0.25...4) }
      + [0, 0.5].map { OperatorCase("shrink by \($0)", Shrink(threshold: 0.5, bias: $0), [[2, 7, 3]]) }
      + [ConstantTensor.Kind.float, .integer, .boolean].map { OperatorCase("to \($0)", Cast(to: $0), [[2, 5, 3]]) }
      + [
        OperatorCase(
          "scale last axis", ScaleShift(scale: doubles(5, seed: 1), shift: doubles(5, seed: 2), axis: 2), [[2, 3, 5]]),
        OperatorCase(
          "scale axis 1", ScaleShift(scale: doubles(3, seed: 3), shift: doubles(3, seed: 4), axis: 1), [[2, 3, 5]]),
        OperatorCase(
          "scale axis 1 of 4", ScaleShift(scale: doubles(3, seed: 5), shift: doubles(3, seed: 6), axis: 1),
          [[2, 3, 1, 7]]),
        OperatorCase("slopes of channels", ParametricRelu(slopes: doubles(5, seed: 1), axis: 2), [[2, 7, 5]]),
        OperatorCase("slopes of many channels", ParametricRelu(slopes: doubles(35, seed: 2), axis: 2), [[1, 3, 35]]),
        OperatorCase("slopes of axis 1", ParametricRelu(slopes: doubles(3, seed: 3), axis: 1), [[1, 3, 5]]),
        OperatorCase("slopes of axis 1 of 4", ParametricRelu(slopes: doubles(3, seed: 4), axis: 1), [[2, 3, 1, 7]]),
      ]
  }

  private static func binary() -> [OperatorCase] {
    let functions: [BinaryFunction] = [.add, .subtract, .multiply, .divide, .power, .maximum, .minimum]
    return functions.flatMap { function -> [OperatorCase] in
      let range = 0.5...2.0
      let op = Binary(function)
      return [
        OperatorCase("\(function)", op, [[2, 7, 3], [2, 7, 3]], in: range),
        OperatorCase("\(function) constant scalar", op, [[2, 7, 3], []], known: [1], in: range),
        OperatorCase("constant \(function)", op, [[1], [2, 7, 3]], known: [0], in: range),
        OperatorCase("\(function) a channel", op, [[2, 7, 3], [3]], known: [1], in: range),
        OperatorCase("\(function) a row", op, [[2, 7, 3], [7, 1]], known: [1], in: range),
        OperatorCase("\(function) gate", op, [[2, 7, 3], [2, 1, 3]], in: range),
        OperatorCase("\(function) outer", op, [[2, 5, 1], [2, 1, 4]], in: range),
        OperatorCase("\(function) of two ranks", op, [[5, 3], [2, 5, 3]], in: range),
      ]
    }
  }

  private static func convolutions() throws -> [OperatorCase] {
    func convolution(
      _ name: String, out: Int = 5, taps: Int = 3, channels: Int = 4, length: Int = 11, stride: Int = 1,
      dilation: Int = 1, groups: Int = 1, padding: (Int, Int) = (0, 0), relu: Bool = false, bias: Bool = true
    ) throws -> OperatorCase {
      let op = try Convolution(
        weight: tensor([out, channels / groups, taps], seed: 7), bias: bias ? tensor([out], seed: 8) : nil,
        stride: stride, dilation: dilation, groups: groups, padding: padding, relu: relu)
      return OperatorCase(name, op, [[2, length, channels]])
    }
    return [
      try convolution("conv valid"), try convolution("conv same", padding: (1, 1)),
      try convolution("conv causal", padding: (2, 0), bias: false),
      try convolution("conv stride 2", length: 12, stride: 2, padding: (1, 1)),
      try convolution("conv stride 3 dilation 2", length: 17, stride: 3, dilation: 2, padding: (2, 1)),
      try convolution("conv grouped", out: 6, groups: 2, padding: (1, 1)),
      try convolution("conv depthwise", out: 4, taps: 5, groups: 4, padding: (2, 2)),
      try convolution("conv depth multiplier", out: 8, groups: 4),
      try convolution("conv cropping", padding: (-1, -2)),
      try convolution("conv relu", out: 19, padding: (1, 1), relu: true),
      try convolution("conv of one position", taps: 3, length: 1, padding: (1, 1)),
      try convolution("conv wide padding", taps: 2, length: 3, padding: (5, 4)),
    ]
  }

  private static func products() throws -> [OperatorCase] {
    [
      OperatorCase("dense", try Dense(weight: tensor([6, 5], seed: 9), bias: tensor([5], seed: 10)), [[3, 6]]),
      OperatorCase("dense a position", try Dense(weight: tensor([3, 17], seed: 11), bias: nil), [[2, 7, 3]]),
      OperatorCase(
        "dense relu", try Dense(weight: tensor([6, 5], seed: 9), bias: tensor([5], seed: 10), relu: true), [[3, 6]]),
      OperatorCase("matmul", MatMul(), [[4, 3], [3, 5]]),
      OperatorCase("matmul batched", MatMul(), [[2, 3, 4, 5], [2, 3, 5, 2]]),
      OperatorCase("matmul broadcast left", MatMul(), [[1, 4, 3], [2, 3, 5]]),
      OperatorCase("matmul broadcast right", MatMul(), [[2, 2, 4, 3], [3, 5]], known: [1]),
      OperatorCase("matmul constant left", MatMul(), [[4, 7], [2, 7, 3]], known: [0]),
      OperatorCase("matmul aT", MatMul(transposeA: true), [[2, 3, 4], [2, 3, 5]]),
      OperatorCase("matmul bT", MatMul(transposeB: true), [[2, 4, 3], [2, 5, 3]]),
      OperatorCase("matmul aT bT", MatMul(transposeA: true, transposeB: true), [[2, 3, 4], [2, 5, 3]]),
    ]
  }

  private static func pools() throws -> [OperatorCase] {
    let kinds: [Pool.Kind] = [.max, .average]
    return try kinds.flatMap { kind in
      [
        OperatorCase("\(kind) pool", try Pool(kind: kind, size: 3, stride: 3), [[2, 11, 3]]),
        OperatorCase("\(kind) pool overlapping", try Pool(kind: kind, size: 4, stride: 1), [[2, 9, 17]]),
        OperatorCase("\(kind) pool padded", try Pool(kind: kind, size: 3, stride: 2, padding: (1, 1)), [[1, 10, 4]]),
        OperatorCase(
          "\(kind) pool ceil", try Pool(kind: kind, size: 3, stride: 2, padding: (0, 1), ceilMode: true), [[2, 8, 2]]),
        OperatorCase("\(kind) pool dilated", try Pool(kind: kind, size: 2, stride: 2, dilation: 3), [[2, 11, 3]]),
        OperatorCase(
          "\(kind) pool counting padding",
          try Pool(kind: kind, size: 3, stride: 2, padding: (1, 2), ceilMode: true, countIncludesPadding: true),
          [[2, 8, 3]]),
      ]
    }
  }

  /// Operators that only move elements.
  private static func movement() -> [OperatorCase] {
    [
      OperatorCase("concat channels", Concat(axis: 2), [[2, 5, 3], [2, 5, 1]]),
      OperatorCase("concat positions", Concat(axis: 1), [[2, 5, 3], [2, 2, 3], [2, 4, 3]], known: [1]),
      OperatorCase("concat rank 4", Concat(axis: 0), [[1, 2, 3, 2], [2, 2, 3, 2]]),
      OperatorCase("split channels", Split(axis: 2, lengths: [1, 4, 2]), [[2, 5, 7]]),
      OperatorCase("split positions", Split(axis: 1, lengths: [3, 0, 2]), [[2, 5, 3]]),
      OperatorCase("expand", Expand(to: [2, 7, 3]), [[2, 1, 3]]),
      OperatorCase("expand new axes", Expand(to: [2, 3, 5, 4]), [[5, 1]]),
      OperatorCase("tile", Tile(repeats: [1, 3, 2]), [[2, 4, 3]]),
      OperatorCase("tile once", Tile(repeats: [2, 1, 1]), [[2, 4, 3]]),
      OperatorCase("pad", Pad(before: [0, 2, 0], after: [0, 1, 1], value: 0.5), [[2, 5, 3]]),
      OperatorCase("pad and crop", Pad(before: [0, -2, 1], after: [0, 3, -1], value: 0), [[2, 5, 3]]),
      OperatorCase("crop everything but one", Pad(before: [-1, -2, 0], after: [0, -2, 0], value: 9), [[2, 5, 3]]),
      OperatorCase("pad beyond a crop", Pad(before: [0, 4, 0], after: [0, -7, 0], value: 2), [[2, 5, 3]]),
      OperatorCase(
        "slice", Slice(cuts: [.init(start: 0, count: 2), .init(start: 2, count: 5), .init(start: 1, count: 2)]),
        [[2, 9, 3]]),
      OperatorCase(
        "slice in steps",
        Slice(cuts: [.init(start: 0, count: 2), .init(start: 1, step: 3, count: 3), .init(start: 0, count: 3)]),
        [[2, 9, 3]]),
      OperatorCase(
        "slice backwards",
        Slice(cuts: [
          .init(start: 1, step: -1, count: 2), .init(start: 8, step: -2, count: 4), .init(start: 0, count: 3),
        ]),
        [[2, 9, 3]]),
      OperatorCase("reshape", Reshape(to: [2, 15]), [[2, 5, 3]]),
      OperatorCase("unit axes", Reshape(to: [2, 1, 5, 1, 3]), [[2, 5, 3]]),
      OperatorCase("joined axes", Reshape(to: [10, 3]), [[2, 5, 3]]),
    ]
  }

  private static func selection() -> [OperatorCase] {
    let entries = ConstantTensor(shape: [2, 2, 3], kind: .integer, values: [0, 4, -1, 2, 2, 1, -5, 3, 0, 1, 0, 4])
    return [
      OperatorCase("gather", Gather(axis: 1, indices: [4, 0, -1, 0], indexShape: [4]), [[2, 5, 3]]),
      OperatorCase("gather even steps", Gather(axis: 1, indices: [1, 3, 5], indexShape: [3]), [[2, 7, 3]]),
      OperatorCase("interleave", Interleave(axis: 1, stride: 3), [[2, 5, 3]]),
      OperatorCase("interleave channels", Interleave(axis: 2, stride: 2), [[2, 5, 3]]),
      OperatorCase("gather channels", Gather(axis: 2, indices: [2, 0], indexShape: [2]), [[2, 5, 3]]),
      OperatorCase("gather one", Gather(axis: 1, indices: [3], indexShape: []), [[2, 5, 3]]),
      OperatorCase("gather a matrix", Gather(axis: 0, indices: [0, 1, 1, 0, 1, 1], indexShape: [2, 3]), [[2, 5, 3]]),
      OperatorCase("gather elements", GatherElements(axis: 1, indices: entries), [[2, 5, 3]]),
      OperatorCase("where data", Where(), [[2, 5, 3], [2, 5, 3], [2, 5, 3]]),
      OperatorCase("where mask", Where(), [[5, 3], [2, 5, 3], [1]], known: [0, 2]),
      OperatorCase("where broadcast", Where(), [[2, 1, 3], [2, 5, 1], [2, 5, 3]], known: [0]),
      OperatorCase("where of long rows", Where(), [[1, 2, 300], [1, 2, 1], [300]], known: [0]),
    ]
  }

  private static func orders() throws -> [OperatorCase] {
    try [[0, 2, 1], [2, 0, 1], [1, 0, 2], [2, 1, 0], [0, 1, 2]].map {
      OperatorCase("transpose \($0)", try Transpose(permutation: $0), [[2, 5, 3]])
    } + [
      OperatorCase("transpose 4", try Transpose(permutation: [0, 2, 3, 1]), [[2, 3, 1, 5]]),
      OperatorCase("transpose heads", try Transpose(permutation: [0, 2, 1, 3]), [[1, 6, 4, 3]]),
      OperatorCase("transpose planes apart", try Transpose(permutation: [3, 1, 0, 2]), [[3, 2, 9, 11]]),
      OperatorCase("transpose blocks", try Transpose(permutation: [0, 2, 1]), [[1, 37, 41]]),
    ]
  }

  private static func reductions() -> [OperatorCase] {
    let functions: [ReduceFunction] = [.mean, .sum, .max, .min, .product, .l1, .l2, .sumSquare, .logSumExp]
    return functions.flatMap { function in
      [
        OperatorCase("\(function) positions", Reduce(function, axes: [1], keepsAxes: true), [[2, 5, 3]]),
        OperatorCase("\(function) channels", Reduce(function, axes: [2], keepsAxes: false), [[2, 5, 3]]),
        OperatorCase("\(function) outer and inner", Reduce(function, axes: [0, 2], keepsAxes: false), [[2, 5, 3]]),
        OperatorCase("\(function) of all", Reduce(function, axes: [0, 1, 2], keepsAxes: false), [[1, 5, 3]]),
      ]
    } + [
      OperatorCase("mean of a long row", Reduce(.mean, axes: [2], keepsAxes: true), [[1, 3, 37]]),
      OperatorCase("sum of long rows", Reduce(.sum, axes: [1, 2], keepsAxes: false), [[1, 3, 37]]),
    ] + [OperatorCase("product with a zero", Reduce(.product, axes: [1], keepsAxes: true), [[2, 4, 1]], in: 0...0)]
  }

  private static func normalizations() -> [OperatorCase] {
    [
      OperatorCase("softmax channels", Softmax(axis: 2), [[2, 5, 4]]),
      OperatorCase("softmax positions", Softmax(axis: 1), [[2, 5, 4]], in: -8...8),
      OperatorCase("log softmax", Softmax(axis: 2, logarithm: true), [[2, 5, 4]], in: -8...8),
      OperatorCase(
        "layer norm", Normalization(axes: [2], epsilon: 1e-5, scale: doubles(6, seed: 12), shift: doubles(6, seed: 13)),
        [[2, 5, 6]]),
      OperatorCase(
        "layer norm of a wide row",
        Normalization(axes: [2], epsilon: 1e-5, scale: doubles(37, seed: 15), shift: doubles(37, seed: 16)),
        [[1, 3, 37]]),
      OperatorCase("softmax of a wide row", Softmax(axis: 2), [[2, 2, 37]], in: -8...8),
      OperatorCase("instance norm", Normalization(axes: [1], epsilon: 1e-3), [[2, 7, 3]]),
      OperatorCase("instance norm of one sequence", Normalization(axes: [1], epsilon: 1e-3), [[1, 9, 5]]),
      OperatorCase(
        "instance norm with numbers a position",
        Normalization(axes: [1], epsilon: 1e-5, scale: doubles(7, seed: 21), shift: doubles(7, seed: 22)), [[2, 7, 19]]),
      OperatorCase("group norm", Normalization(axes: [2, 3], epsilon: 1e-5), [[2, 2, 3, 5]]),
      OperatorCase(
        "layer norm of two axes", Normalization(axes: [1, 2], epsilon: 1e-5, scale: doubles(15, seed: 14)), [[2, 5, 3]]),
    ]
  }

  private static func attentions() -> [OperatorCase] {
    /// Masks are a causal triangle, a band with holes and a padded end.
    func attention(
      _ name: String, heads: Int, queries: Int, keys: Int, sizes: (key: Int, value: Int), joined: Bool = false,
      mask: ((_ query: Int, _ key: Int) -> Bool)? = nil, biased: Bool = false, relative: Bool = false
    ) -> OperatorCase {
      // Joined operands are parts of one wider value, as one projection of all three makes them.
      let (k, v) = sizes
      let side = joined ? heads * max(k, v) : 0
      func rows(_ size: Int, _ part: Int) -> Attention.HeadRows {
        joined
          ? Attention.HeadRows(channels: 3 * side, offset: part * side, stride: max(k, v))
          : Attention.HeadRows(channels: heads * size, offset: 0, stride: size)
      }
      var op = Attention(
        heads: heads, queries: queries, keys: keys, keySize: k, valueSize: v, query: rows(k, 0), key: rows(k, 1),
        value: rows(v, 2), scale: 0.7)
      if mask != nil || biased {
        var random = SplitMix64(seed: 77)
        op.bias = (0..<queries * keys).map { index in
          let seen = mask?(index / keys, index % keys) ?? true
          return seen ? (biased ? Float.random(in: -1...1, using: &random) : 0) : -.infinity
        }
      }
      var shapes: [Shape] = [
        [1, queries, op.query.channels], [1, keys, op.key.channels], [1, keys, op.value.channels],
      ]
      if relative {
        let count = queries + keys - 1
        op.relative = Attention.Relative(
          operand: rows(k, 0), size: k, weights: doubles(heads * k * count, seed: 5).map { Float($0) }, count: count,
          index: (0..<queries * keys).map { Int32(queries - 1 - $0 / keys + $0 % keys) }, scale: 0.5)
        shapes.append([1, queries, op.query.channels])
      }
      return OperatorCase(name, op, shapes)
    }
    return [
      attention("attention", heads: 2, queries: 7, keys: 7, sizes: (3, 3)),
      attention("attention of one head", heads: 1, queries: 5, keys: 9, sizes: (4, 2)),
      attention("attention over tiles", heads: 2, queries: 30, keys: 35, sizes: (5, 3)),
      attention("attention causal", heads: 2, queries: 27, keys: 27, sizes: (4, 4), mask: { $1 <= $0 }),
      attention("attention with holes", heads: 3, queries: 6, keys: 20, sizes: (2, 5), mask: { ($0 + $1) % 3 != 0 }),
      attention("attention biased", heads: 2, queries: 6, keys: 18, sizes: (3, 3), mask: { $1 < 17 }, biased: true),
      attention(
        "attention sliding", heads: 2, queries: 50, keys: 50, sizes: (3, 2), mask: { $1 <= $0 && $0 - $1 < 7 }),
      attention(
        "attention sliding relative", heads: 1, queries: 52, keys: 52, sizes: (2, 3),
        mask: { $1 <= $0 && $0 - $1 < 5 }, relative: true),
      attention("attention of late keys", heads: 2, queries: 3, keys: 40, sizes: (3, 3), mask: { $1 >= 33 - $0 }),
      attention("attention joined", heads: 2, queries: 8, keys: 8, sizes: (3, 3), joined: true),
      attention("attention relative", heads: 2, queries: 9, keys: 9, sizes: (3, 4), relative: true),
      attention(
        "attention relative causal", heads: 2, queries: 26, keys: 26, sizes: (3, 4), mask: { $1 <= $0 }, relative: true),
    ]
  }

  private static func recurrences() throws -> [OperatorCase] {
    func recurrence(
      _ name: String, _ cell: Recurrence.Cell, units: Int = 5, reversed: [Bool] = [false], sequences: Int = 2,
      length: Int = 6, bias: Bool = true, initial: Bool = false, givesCells: Bool = false
    ) throws -> OperatorCase {
      let rows = (cell == .lstm ? 4 : 3) * units
      let directions = reversed.enumerated().map { number, isReversed in
        let seed = UInt64(20 + 5 * number)
        return Recurrence.Direction(
          isReversed: isReversed, weight: tensor([rows, 3], seed: seed),
          recurrence: tensor([rows, units], seed: seed + 1),
          bias: bias ? tensor([2 * rows], seed: seed + 2) : nil,
          initialHidden: initial ? tensor([sequences, units], seed: seed + 3) : nil,
          initialCell: initial && cell == .lstm ? tensor([sequences, units], seed: seed + 4) : nil)
      }
      let op = try Recurrence(cell, units: units, directions: directions, givesCells: givesCells)
      return OperatorCase(name, op, [[sequences, length, 3]], in: -1...1)
    }
    let cells: [Recurrence.Cell] = [.lstm, .gru(resetAfter: false), .gru(resetAfter: true)]
    return try cells.flatMap { cell in
      [
        try recurrence("\(cell)", cell), try recurrence("\(cell) backwards", cell, reversed: [true], initial: true),
        try recurrence("\(cell) both ways", cell, units: 17, reversed: [false, true], sequences: 1, initial: true),
        try recurrence("\(cell) of one step", cell, units: 1, reversed: [false, true], length: 1, bias: false),
      ]
    } + [
      try recurrence(
        "lstm and its cells", .lstm, reversed: [true, false], sequences: 3, initial: true, givesCells: true)
    ]
  }

  private static func predicates() -> [OperatorCase] {
    let functions: [PredicateFunction] = [.equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor]
    let single: [PredicateFunction] = [.not, .isNaN, .isInfinite]
    return functions.map { OperatorCase("\($0)", Predicate($0), [[2, 5, 3], [5, 1]], known: [1]) }
      + [
        OperatorCase("greater data", Predicate(.greater), [[2, 5, 3], [2, 5, 3]]),
        OperatorCase("greater of long rows", Predicate(.greater), [[1, 2, 300], [1, 2, 1]]),
        OperatorCase("less than a number", Predicate(.less), [[1, 2, 300], []], known: [1]),
      ]
      + single.map { OperatorCase("\($0)", Predicate($0), [[2, 5, 3]]) }
  }
}
