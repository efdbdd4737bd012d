import Attribution
import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Kinks")
struct KinkTests {
  /// Some targets of every convolutional fixture on random sequences.
  @Test("less than 1 % of scores are within reach of a kink")
  func share() throws {
    var share = 0.0
    for name in FixtureTests.convolutional {
      let model = try FixtureTests.Fixture(name).model
      let detector = try KinkDetector(model)
      var random = SplitMix64(seed: 3)
      var (inReach, all) = (0, 0)
      for _ in 0..<60 {
        let codes = random.bases(count: model.length)
        for kinks in detector.kinks(in: codes[...]) {
          var reached = [Bool](repeating: false, count: codes.count)
          for kink in kinks { for position in kink.positions ?? codes.indices { reached[position] = true } }
          inReach += reached.count { $0 }
          all += codes.count
        }
      }
      share += Double(inReach) / Double(all) / Double(FixtureTests.convolutional.count)
    }
    #expect(share > 0 && share < 0.01, "\(share)")
  }

  /// docs/numerics.md has the figures.
  @Test("away from kinks TISM is within 2e-6 of float64", arguments: FixtureTests.convolutional)
  func accurate(name: String) throws {
    let fixture = try FixtureTests.Fixture(name)
    let detector = try KinkDetector(fixture.model)
    var tism = try WindowTISM(fixture.model)
    let clear = fixture.windows().filter { detector.kinks(in: $0.codes).allSatisfy(\.isEmpty) }
    try #require(!clear.isEmpty)
    for window in clear {
      let index = Int(window.location.split(separator: " ").last!)!
      for error in fixture.errors(try tism.score([window]), [window], fixture.tism, from: index) {
        #expect(error <= 2e-6)
      }
    }
  }

  /// One hidden unit a function, `distance` away from a kink on the sequence AAAA..., beside others far from theirs.
  private func kinks(
    _ distance: Float, _ unit: @escaping @Sendable (inout GraphBuilder, Graph.ValueID) throws -> Graph.ValueID
  )
    throws -> Int
  {
    let network = try Network(fixedLength: 8) { batch, length in
      var builder = GraphBuilder(batch: batch, length: length)
      let flat = try builder.apply(Reshape(to: [batch, length * 4]), to: builder.sequence, name: "flat")
      // Row A of position 0 gives the distance, row A of position 1 gives 1 and 3.
      var weights = [Float](repeating: 0, count: 32 * 3)
      (weights[0], weights[4 * 3 + 1], weights[4 * 3 + 2]) = (distance, 1, 3)
      let hidden = try builder.apply(
        Dense(weight: ConstantTensor(shape: [32, 3], floats: weights), bias: nil), to: flat, name: "hidden")
      let active = try unit(&builder, hidden)
      let shape = builder.shape(of: active)
      let ones = ConstantTensor(shape: [shape[1], 1], values: [Double](repeating: 1, count: shape[1]))
      let y = try builder.apply(Dense(weight: ones, bias: nil), to: active, name: "head")
      return builder.graph(outputs: [y])
    }
    let model = try WindowModel(
      network, length: 8, targets: [ScoreTarget(parsing: "0:0").resolved(among: network.outputs)])
    return try KinkDetector(model).kinks(in: [UInt8](repeating: 0, count: 8)[...])[0].count
  }

  /// On AAAA... the unit is barely on; putting C at position 0 turns it off before the smallest edit is over.
  @Test("a gradient at a kink is left out and counted, one that the kink does not explain fails")
  func leftOut() throws {
    let network = try Network(fixedLength: 6) { batch, length in
      var builder = GraphBuilder(batch: batch, length: length)
      let flat = try builder.apply(Reshape(to: [batch, length * 4]), to: builder.sequence, name: "flat")
      var weights = [Float](repeating: 0, count: 24 * 2)
      (weights[0], weights[2], weights[8 + 1], weights[10 + 1]) = (1e-7, -1, 2, 1)
      let hidden = try builder.apply(
        Dense(weight: ConstantTensor(shape: [24, 2], floats: weights), bias: nil), to: flat, name: "hidden")
      let active = try builder.apply(Unary(.relu), to: hidden, name: "relu")
      let ones = ConstantTensor(shape: [2, 1], values: [1, 1])
      let y = try builder.apply(Dense(weight: ones, bias: nil), to: active, name: "head")
      return builder.graph(outputs: [y])
    }
    let model = try WindowModel(
      network, length: 6, targets: [ScoreTarget(parsing: "0:0").resolved(among: network.outputs)])
    let window = WindowTask(codes: [UInt8](repeating: 0, count: 6)[...], location: "window")
    var tism = try WindowTISM(model)
    var scores = try tism.score([window])[0]
    #expect(abs(scores.substitutions[0][1, 0] + 1) < 1e-6)
    let checker = try WindowChecker(model, fast: true)
    let edits = [Edit(column: 0, base: 1), Edit(column: 1, base: 1), Edit(column: 3, base: 2)]
    try checker.check(edits, of: window, scores, .tism)
    #expect(checker.tally.tism.kinks == 1 && checker.tally.tism.scores == 2)
    let exact = try WindowChecker(model, fast: true)
    var ism = try WindowDifferences(model)
    try exact.check(edits, of: window, try ism.score([window])[0], .ism)
    #expect(exact.tally.ism.scores == 3)
    scores.substitutions[0][1, 0] = 5
    #expect(throws: AttributionError.self) { try checker.check(edits, of: window, scores, .tism) }
  }

  @Test("a decision within 1e-5 of its layer's scale is found, one farther away or exactly tied is not")
  func distances() throws {
    // The scale is the root of (1 + 9) / 3.
    let cases:
      [(name: String, at: Float, unit: @Sendable (inout GraphBuilder, Graph.ValueID) throws -> Graph.ValueID)] = [
        ("relu", 0, { try $0.apply(Unary(.relu), to: $1, name: "relu") }),
        ("leaky", 0, { try $0.apply(Unary(.leakyRelu(slope: 0.1)), to: $1, name: "leaky") }),
        ("slopes", 0, { try $0.apply(ParametricRelu(slopes: [0.1, 0.2, 3], axis: 1), to: $1, name: "slopes") }),
        ("abs", 0, { try $0.apply(Unary(.absolute), to: $1, name: "abs") }),
        ("clip", 2, { try $0.apply(Unary(.clip(minimum: -1, maximum: 2)), to: $1, name: "clip") }),
        ("max", 3, { try $0.apply(Reduce(.max, axes: [1], keepsAxes: true), to: $1, name: "max") }),
        (
          "pool", 1,
          {
            let rows = try $0.apply(Reshape(to: [1, 3, 1]), to: $1, name: "rows")
            let pooled = try $0.apply(Pool(kind: .max, size: 2, stride: 1), to: rows, name: "pool")
            return try $0.apply(Reshape(to: [1, 2]), to: pooled, name: "pooled")
          }
        ),
        (
          "maximum", 2,
          {
            let two = $0.constant(ConstantTensor(scalar: 2), name: "two")
            return try $0.apply(Binary(.maximum), to: $1, two, name: "maximum")
          }
        ),
      ]
    for c in cases {
      #expect(try kinks(c.at + 1.2e-5, c.unit) == 1, "\(c.name) near")
      #expect(try kinks(c.at - 1.2e-5, c.unit) == 1, "\(c.name) near from below")
      #expect(try kinks(c.at + 1e-3, c.unit) == 0, "\(c.name) far")
      #expect(try kinks(c.at, c.unit) == 0, "\(c.name) tied")
    }
    #expect(try kinks(1e-6) { try $0.apply(Unary(.gelu), to: $1, name: "gelu") } == 0)
  }
}
