import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Attention as exporters write it")
struct AttentionPassTests {
  /// How an exporter spells the same attention.
  struct Spelling: CustomTestStringConvertible, Sendable {
    var heads = 2
    /// One projection of queries, keys and values, cut apart; or three.
    var joined = true
    /// Heads merged into the batch axis, with a convolution along the rows of each.
    var convolved = false
    var causal = false
    /// The mask is added, instead of filled in.
    var addsMask = false
    var relative = false
    /// Keys come transposed from the start.
    var dividesScale = false

    var testDescription: String {
      "\(heads) head(s)\(joined ? " joined" : "")\(convolved ? " convolved" : "")\(causal ? " causal" : "")"
        + "\(addsMask ? " added" : "")\(relative ? " relative" : "")\(dividesScale ? " divided" : "")"
    }
  }

  static let spellings: [Spelling] = [
    Spelling(), Spelling(joined: false), Spelling(heads: 1), Spelling(heads: 3, causal: true),
    Spelling(causal: true, addsMask: true), Spelling(convolved: true),
    Spelling(convolved: true, causal: true, relative: true),
    Spelling(joined: false, causal: true, relative: true, dividesScale: true), Spelling(dividesScale: true),
  ]

  private let length = 29

  private func graph(_ s: Spelling) throws -> Graph {
    var random = SplitMix64(seed: 9)
    var builder = GraphBuilder(batch: 1, length: length)
    let (size, width) = (5, 5 * s.heads)
    func weights(_ shape: Shape) -> ConstantTensor {
      ConstantTensor(shape: shape, floats: random.floats(count: shape.count).map { $0 / 2 })
    }
    let x = try builder.apply(Dense(weight: weights([4, 8]), bias: nil), to: builder.sequence, name: "embedding")
    var parts: [Graph.ValueID]
    if s.joined {
      let all = try builder.apply(Dense(weight: weights([8, 3 * width]), bias: nil), to: x, name: "projection")
      parts = try builder.apply(Split(axis: 2, lengths: [width, width, width]), to: [all], name: "split")
    } else {
      parts = try (0..<3).map {
        try builder.apply(Dense(weight: weights([8, width]), bias: nil), to: x, name: "part\($0)")
      }
    }
    func constant(_ tensor: ConstantTensor) -> Graph.ValueID { builder.constant(tensor, name: "constant") }
    /// `[1, length, width]` to `[heads, length, size]`, or to `[1, heads, length, size]`.
    func heads(_ value: Graph.ValueID, merged: Bool) throws -> Graph.ValueID {
      let split = try builder.apply(Reshape(to: [1, length, s.heads, size]), to: value, name: "view")
      let moved = try builder.apply(Transpose(permutation: [0, 2, 1, 3]), to: split, name: "permute")
      return merged ? try builder.apply(Reshape(to: [s.heads, length, size]), to: moved, name: "merge") : moved
    }
    var operands = try parts.map { try heads($0, merged: s.convolved) }
    if s.convolved {
      operands = try operands.map { value in
        let convolution = try Convolution(
          weight: weights([size, size, 3]), bias: weights([size]), padding: (before: 1, after: 1))
        let result = try builder.apply(convolution, to: value, name: "convolution")
        return try builder.apply(Reshape(to: [1, s.heads, length, size]), to: result, name: "unmerge")
      }
    }
    let query = try builder.apply(
      Binary(.add), to: operands[0], constant(weights([s.heads, 1, size])), name: "u")
    let key = try builder.apply(Transpose(permutation: [0, 1, 3, 2]), to: operands[1], name: "transposed")
    var scores = try builder.apply(MatMul(), to: query, key, name: "scores")
    if s.relative {
      let shifted = try builder.apply(
        Binary(.add), to: operands[0], constant(weights([s.heads, 1, size])), name: "v")
      let count = 2 * length - 1
      let products = try builder.apply(
        MatMul(), to: shifted, constant(weights([s.heads, size, count])), name: "relative")
      let index = (0..<s.heads * length * length).map { Double(length - 1 - $0 / length % length + $0 % length) }
      let picked = try builder.apply(
        GatherElements(
          axis: 3, indices: ConstantTensor(shape: [1, s.heads, length, length], kind: .integer, values: index)),
        to: products, name: "gather")
      scores = try builder.apply(Binary(.add), to: scores, picked, name: "sum")
    }
    let factor = ConstantTensor(scalar: s.dividesScale ? 2.2 : 0.45)
    scores = try builder.apply(
      Binary(s.dividesScale ? .divide : .multiply), to: scores, constant(factor), name: "scale")
    if s.causal {
      let hidden = (0..<length * length).map { $0 % length > $0 / length }
      if s.addsMask {
        let mask = ConstantTensor(shape: [1, 1, length, length], values: hidden.map { $0 ? -1e9 : 0 })
        scores = try builder.apply(Binary(.add), to: scores, constant(mask), name: "mask")
      } else {
        let mask = ConstantTensor(shape: [length, length], kind: .boolean, values: hidden.map { $0 ? 1 : 0 })
        scores = try builder.apply(
          Where(), to: constant(mask), constant(ConstantTensor(scalar: -.infinity)), scores, name: "fill")
      }
    }
    let shares = try builder.apply(Softmax(axis: 3), to: scores, name: "softmax")
    let mixed = try builder.apply(MatMul(), to: shares, operands[2], name: "mixed")
    let moved = try builder.apply(Transpose(permutation: [0, 2, 1, 3]), to: mixed, name: "back")
    let joined = try builder.apply(Reshape(to: [1, length, width]), to: moved, name: "join")
    let output = try builder.apply(Dense(weight: weights([width, 3]), bias: nil), to: joined, name: "output")
    return builder.graph(outputs: [output])
  }

  @Test("becomes one operator on rows, which means the same", arguments: spellings)
  func fuses(_ s: Spelling) throws {
    let graph = try graph(s)
    let simplified = graph.simplified()
    let kinds = simplified.nodes.map(\.op.kind)
    #expect(kinds.filter { $0 == "Attention" }.count == 1, "\(kinds)")
    #expect(!kinds.contains { ["MatMul", "Softmax", "Transpose", "GatherElements"].contains($0) }, "\(kinds)")
    var random = SplitMix64(seed: 10)
    let input = ConstantTensor(shape: [1, length, 4], floats: random.floats(count: length * 4))
    let (expected, got) = (try graph.evaluate(input)[0].values, try simplified.evaluate(input)[0].values)
    let largest = expected.map(abs).max()!
    let error = zip(expected, got).map { abs($0 - $1) }.max()!
    // Weights that were folded are rounded to float32 again.
    #expect(error <= 1e-6 * largest, "\(error) of \(largest)")
  }

  /// Pieces that look like attention, by the steps between the product and the shares, or by what they multiply.
  @Test("means the same where reshapes or operands make something else of it", arguments: 0..<6)
  func lookalikes(_ kind: Int) throws {
    let length = 12
    var random = SplitMix64(seed: 21)
    var builder = GraphBuilder(batch: 1, length: length)
    func constant(_ shape: Shape) -> Graph.ValueID {
      builder.constant(ConstantTensor(shape: shape, floats: random.floats(count: shape.count)), name: "constant")
    }
    let x = builder.sequence
    // As many entries a head as rows, computed head by head.
    var square = try builder.apply(MatMul(), to: x, constant([1, 4, 2 * length]), name: "wide")
    square = try builder.apply(Reshape(to: [1, length, 2, length]), to: square, name: "view")
    square = try builder.apply(Transpose(permutation: [0, 2, 1, 3]), to: square, name: "permute")
    square = try builder.apply(Unary(.tanh), to: square, name: "square")
    let key = try builder.apply(Transpose(permutation: [0, 2, 1]), to: x, name: "key")
    var scores = try builder.apply(MatMul(), to: x, key, name: "scores")
    var outputs: [Graph.ValueID] = []
    switch kind {
    case 0:
      // Shares over a unit axis are all one.
      scores = try builder.apply(Reshape(to: [1, length, length, 1]), to: scores, name: "unit")
      scores = try builder.apply(Softmax(axis: 3), to: scores, name: "softmax")
      scores = try builder.apply(Reshape(to: [1, length, length]), to: scores, name: "back")
    case 1:
      // A mask of one row under another shape.
      scores = try builder.apply(Reshape(to: [1, length, 1, length]), to: scores, name: "unit")
      scores = try builder.apply(Binary(.add), to: scores, constant([length]), name: "mask")
      scores = try builder.apply(Softmax(axis: 3), to: scores, name: "softmax")
      scores = try builder.apply(Reshape(to: [1, length, length]), to: scores, name: "back")
    case 2:
      // Queries and keys are the same value, and neither is transposed.
      scores = try builder.apply(MatMul(), to: square, square, name: "squares")
      scores = try builder.apply(Softmax(axis: 3), to: scores, name: "softmax")
    case 3:
      // Somebody else reads the shares.
      scores = try builder.apply(Softmax(axis: 2), to: scores, name: "softmax")
      outputs.append(scores)
    case 4:
      scores = try builder.apply(MatMul(transposeB: true), to: square, square, name: "squares")
      scores = try builder.apply(Softmax(axis: 3), to: scores, name: "softmax")
    default:
      // Relative scores of the first head for both.
      let products = try builder.apply(
        MatMul(), to: square, constant([2, length, 2 * length - 1]), name: "relative")
      let index = (0..<length * length).map { Double(length - 1 - $0 / length + $0 % length) }
      let picked = try builder.apply(
        GatherElements(
          axis: 3, indices: ConstantTensor(shape: [1, 1, length, length], kind: .integer, values: index)),
        to: products, name: "gather")
      scores = try builder.apply(MatMul(transposeB: true), to: square, square, name: "squares")
      scores = try builder.apply(Binary(.add), to: scores, picked, name: "sum")
      scores = try builder.apply(Softmax(axis: 3), to: scores, name: "softmax")
    }
    let values = [2, 4, 5].contains(kind) ? square : x
    outputs.append(try builder.apply(MatMul(), to: scores, values, name: "mixed"))
    let graph = builder.graph(outputs: outputs)
    let simplified = graph.simplified()
    #expect(simplified.nodes.contains { $0.op.kind == "Attention" } == (kind == 4))
    let input = ConstantTensor(shape: [1, length, 4], floats: random.floats(count: length * 4))
    for (wanted, got) in zip(try graph.evaluate(input), try simplified.evaluate(input)) {
      #expect(zip(wanted.values, got.values).allSatisfy { abs($0 - $1) <= 1e-6 })
    }
  }

  @Test("a mask of finite numbers in every key of a query costs no digits: only differences of biases count")
  func largeBiases() throws {
    let length = 6
    var random = SplitMix64(seed: 4)
    var builder = GraphBuilder(batch: 1, length: length)
    let key = try builder.apply(Transpose(permutation: [0, 2, 1]), to: builder.sequence, name: "keys")
    var scores = try builder.apply(MatMul(), to: builder.sequence, key, name: "scores")
    let bias = ConstantTensor(shape: [length, length], values: (0..<length * length).map { $0 < 12 ? -65504 : 0 })
    scores = try builder.apply(Binary(.add), to: scores, builder.constant(bias, name: "bias"), name: "biased")
    let shares = try builder.apply(Softmax(axis: 2), to: scores, name: "softmax")
    let output = try builder.apply(MatMul(), to: shares, builder.sequence, name: "output")
    let graph = builder.graph(outputs: [output])
    let simplified = graph.simplified()
    #expect(simplified.nodes.contains { $0.op.kind == "Attention" })
    let values = random.floats(count: length * 4)
    let wanted = try graph.evaluate(ConstantTensor(shape: [1, length, 4], floats: values))[0].values
    var session = Session(try Program(simplified), for: .prediction)
    session.forward { buffer in for (index, value) in values.enumerated() { buffer[index] = value } }
    let error = session.withOutput(0) { got in zip(got, wanted).map { abs(Double($0) - $1) }.max()! }
    #expect(error <= 1e-6, "\(error)")
  }

  @Test("what is cut from behind causal attention still reads everything upstream")
  func cutBehindCausal() throws {
    var builder = GraphBuilder(batch: 1, length: 8)
    let key = try builder.apply(Transpose(permutation: [0, 2, 1]), to: builder.sequence, name: "keys")
    var scores = try builder.apply(MatMul(), to: builder.sequence, key, name: "scores")
    let later = ConstantTensor(shape: [8, 8], kind: .boolean, values: (0..<64).map { $0 % 8 > $0 / 8 ? 1 : 0 })
    scores = try builder.apply(
      Where(), to: builder.constant(later, name: "mask"),
      builder.constant(ConstantTensor(scalar: -.infinity), name: "fill"), scores, name: "masked")
    let shares = try builder.apply(Softmax(axis: 2), to: scores, name: "softmax")
    let mixed = try builder.apply(MatMul(), to: shares, builder.sequence, name: "mixed")
    let cut = Slice(cuts: [.init(start: 0, count: 1), .init(start: 3, count: 5), .init(start: 0, count: 4)])
    let output = try builder.apply(cut, to: mixed, name: "cut")
    let graph = builder.graph(outputs: [output]).simplified()
    #expect(graph.nodes.contains { $0.op.kind == "Attention" })
    #expect(graph.dependences[graph.outputs[0]] == .everything)
  }

  @Test("what a sum with a mask does not see, its difference does not show")
  func absorbed() throws {
    var builder = GraphBuilder(batch: 1, length: 5)
    let mask = ConstantTensor(shape: [5, 4], values: (0..<20).map { $0 < 12 ? -1e9 : 0 })
    let sum = try builder.apply(
      Binary(.add), to: builder.sequence, builder.constant(mask, name: "mask"), name: "masked")
    var session = DifferenceSession(try DifferenceProgram(builder.graph(outputs: [sum]).simplified()))
    session.setReference { $0[0] = 1 }
    let edits = (0..<5).map { InputEdit(position: $0, change: [-1, 1, 0, 0]) }
    session.propagate(edits) { edit, found in
      let (_, values) = found.changes(ofOutput: 0)
      #expect(values.contains { $0 != 0 } == (edit >= 3), "position \(edit)")
    }
  }

  @Test("stays as it is where its meaning would change")
  func leavesOthers() throws {
    // A query that sees no key has even shares of all of them.
    var builder = GraphBuilder(batch: 1, length: 4)
    let key = try builder.apply(Transpose(permutation: [0, 2, 1]), to: builder.sequence, name: "keys")
    var scores = try builder.apply(MatMul(), to: builder.sequence, key, name: "scores")
    let mask = builder.constant(
      ConstantTensor(shape: [4, 4], kind: .boolean, values: (0..<16).map { $0 < 4 ? 1 : 0 }), name: "mask")
    let fill = builder.constant(ConstantTensor(scalar: -1e9), name: "fill")
    scores = try builder.apply(Where(), to: mask, fill, scores, name: "masked")
    let shares = try builder.apply(Softmax(axis: 2), to: scores, name: "softmax")
    let output = try builder.apply(MatMul(), to: shares, builder.sequence, name: "output")
    let graph = builder.graph(outputs: [output]).simplified()
    #expect(!graph.nodes.contains { $0.op.kind == "Attention" })
  }
}
