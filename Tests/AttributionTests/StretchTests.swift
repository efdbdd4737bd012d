import Attribution
import Glibc
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Per-position scores along a strand")
struct StretchTests {
  static func strand(_ length: Int, seed: UInt64 = 3, unknown: Range<Int>? = nil) -> StrandBases {
    var random = SplitMix64(seed: seed)
    var codes = random.bases(count: length)
    for position in unknown ?? 0..<0 { codes[position] = 4 }
    return StrandBases(name: "test", contigLength: length, origin: 0, codes: codes)
  }

  @Test("the reach is read off the graph, and is not guessed when the meaning is ambiguous")
  func layout() throws {
    let tower = PositionTower()
    let layout = try tower.model().layout
    #expect((layout.back, layout.ahead) == (tower.back, tower.ahead))
    #expect(layout.outputs(movedBy: 100..<101) == 100 - tower.ahead..<100 + tower.back + 1)
    #expect(layout.bases(readBy: 100..<101) == 100 - tower.back..<100 + tower.ahead + 1)
    #expect(throws: AttributionError.self) { try tower.network().settledKind(OutputSettings()) }
    var two = PositionTower()
    two.channels = 2
    #expect(throws: AttributionError.self) { try two.model() }
    #expect(throws: Never.self) { try two.model(channel: 1) }
  }

  /// Where a channel lies depends on the length of the pass when channels come before positions.
  @Test("the channel of an output is found wherever its axis is, at every length of pass", arguments: [0, 1])
  func channels(channel: Int) throws {
    let strand = Self.strand(700)
    var last = PositionTower()
    last.channels = 2
    var first = last
    first.channelsFirst = true
    func scores(_ tower: PositionTower, tile: Int) throws -> [StretchScores] {
      let model = try tower.model(tile: tile, channel: channel)
      var tism = try StretchTISM(model, targets: [.weighted])
      var ism = try StretchDifferences(model, targets: [.weighted])
      var naive = try StretchISM(model, targets: [.weighted])
      return [
        try tism.score(0..<700, of: strand), try ism.score(300..<340, of: strand),
        try naive.score(300..<340, of: strand),
      ]
    }
    let truth = try scores(last, tile: 700)
    for tile in [700, 64] {
      let found = try scores(first, tile: tile)
      for (a, b) in zip(truth, found) { #expect(a.predictions == b.predictions) }
      for method in [0, 2] { #expect(found[method].substitutions == truth[method].substitutions) }
      // Small models may take the plain way with one layout and differences with the other.
      let error = zip(truth[1].substitutions[0].values, found[1].substitutions[0].values).map { abs($0 - $1) }.max()!
      #expect(error <= 1e-5)
    }
  }

  /// The law of the whole scan: neither tiles nor how a stretch is cut change a bit.
  @Test("tracks are equal, bit for bit, for tiles of 1,000, 4,096 and the whole contig", arguments: [0, 20, -7])
  func tilesDoNotMatter(offset: Int) throws {
    let strand = Self.strand(9_000, unknown: 4_090..<4_099)
    func scores(tile: Int, stretches: [Range<Int>]) throws -> [[UInt32]] {
      let model = try PositionTower().model(tile: tile, offset: offset)
      var scorer = try StretchTISM(model, targets: PositionTarget.allCases)
      var parts = try stretches.map { try scorer.score($0, of: strand) }
      let first = parts.removeFirst()
      var rows =
        [first.predictions] + first.substitutions.flatMap { s in (0..<4).map { b in (0..<s.length).map { s[b, $0] } } }
      for part in parts {
        let more =
          [part.predictions] + part.substitutions.flatMap { s in (0..<4).map { b in (0..<s.length).map { s[b, $0] } } }
        for row in rows.indices { rows[row] += more[row] }
      }
      return rows.map { $0.map(\.bitPattern) }
    }
    let whole = try scores(tile: 9_000, stretches: [0..<9_000])
    #expect(try scores(tile: 1_000, stretches: [0..<9_000]) == whole)
    #expect(try scores(tile: 4_096, stretches: [0..<9_000]) == whole)
    #expect(try scores(tile: 333, stretches: [0..<1, 1..<5_003, 5_003..<9_000]) == whole)
  }

  @Test("ISM is equal, bit for bit, for any tile")
  func tilesDoNotMatterToISM() throws {
    let strand = Self.strand(220, unknown: 100..<103)
    func scores(tile: Int) throws -> StretchScores {
      var scorer = try StretchISM(
        try PositionTower().model(tile: tile), targets: PositionTarget.allCases, newSites: true)
      return try scorer.score(0..<220, of: strand)
    }
    let whole = try scores(tile: 220)
    for tile in [1, 37, 100] {
      let other = try scores(tile: tile)
      #expect(other.predictions.map(\.bitPattern) == whole.predictions.map(\.bitPattern))
      #expect(other.newSites.map(\.bitPattern) == whole.newSites.map(\.bitPattern))
      for (a, b) in zip(other.substitutions, whole.substitutions) {
        #expect(a.values.map(\.bitPattern) == b.values.map(\.bitPattern))
      }
    }
  }

  /// Everything is worked out again in float64 from full passes over the whole contig.
  @Test("every target and the predictions agree with full float64 passes", arguments: [18, 40, 75])
  func agreesWithFullPasses(length: Int) throws {
    let tower = PositionTower(activation: .tanh)
    let strand = Self.strand(length, seed: UInt64(length), unknown: 9..<11)
    var ism = try StretchISM(try tower.model(offset: 3), targets: PositionTarget.allCases, newSites: true)
    let scores = try ism.score(0..<length, of: strand)
    let before = try tower.logits(strand.codes)
    let weights = before.map(sigmoid)
    for base in 0..<length {
      let predicted = base + 3 < length ? weights[base + 3] : .nan
      #expect(
        predicted.isNaN ? scores.predictions[base].isNaN : abs(Double(scores.predictions[base]) - predicted) < 1e-5)
      guard strand.codes[base] < 4 else {
        #expect(scores.substitutions.allSatisfy { s in (0..<4).allSatisfy { s[$0, base] == 0 } })
        #expect(scores.newSites[base].isNaN)
        continue
      }
      let reached = max(0, base - tower.ahead)..<min(length, base + tower.back + 1)
      var best = -Double.infinity
      for alternate in UInt8(0)..<4 where alternate != strand.codes[base] {
        var edited = strand.codes
        edited[base] = alternate
        let after = try tower.logits(edited)
        let weighted = (0..<length).reduce(0.0) { $0 + weights[$1] * (after[$1] - before[$1]) }
        let weight = reached.reduce(0.0) { $0 + weights[$1] }
        let expected: [PositionTarget: Double] = [
          .weighted: weighted, .weightedMean: weight < 0.02 ? .nan : weighted / weight,
          .probability: (0..<length).reduce(0.0) { $0 + sigmoid(after[$1]) - weights[$1] },
          .logit: (0..<length).reduce(0.0) { $0 + after[$1] - before[$1] },
        ]
        best = max(best, reached.map { sigmoid(after[$0]) - weights[$0] }.max()!)
        for (number, target) in PositionTarget.allCases.enumerated() {
          let value = Double(scores.substitutions[number][Int(alternate), base])
          #expect(expected[target]!.isNaN ? value.isNaN : abs(value - expected[target]!) < 1e-4, "\(target) at \(base)")
        }
      }
      #expect(abs(Double(scores.newSites[base]) - best) < 1e-5)
    }
  }

  @Test("TISM agrees with the derivative of each target at frozen weights")
  func agreesWithDerivatives() throws {
    let tower = PositionTower(activation: .tanh)
    let length = 60
    let strand = Self.strand(length)
    var scorer = try StretchTISM(try tower.model(tile: 13), targets: PositionTarget.allCases)
    let scores = try scorer.score(0..<length, of: strand)
    let graph = try tower.graph(batch: 1, length: length)
    let weights = try tower.logits(strand.codes).map(sigmoid)
    let step = 1e-4
    func outputs(base: Int, column: Int, _ change: Double) throws -> [Double] {
      var values = oneHot(strand.codes).values
      values[column * 4 + base] += change
      return try graph.evaluate(.init(shape: [1, length, 4], values: values))[0].values
    }
    for column in stride(from: 0, to: length, by: 3) {
      let slopes = try (0..<4).map { base in
        zip(try outputs(base: base, column: column, step), try outputs(base: base, column: column, -step))
          .map { ($0 - $1) / (2 * step) }
      }
      let reference = Int(strand.codes[column])
      let reached = max(0, column - tower.ahead)..<min(length, column + tower.back + 1)
      let weight = reached.reduce(0.0) { $0 + weights[$1] }
      for base in 0..<4 {
        let d = zip(slopes[base], slopes[reference]).map { $0 - $1 }
        let weighted = zip(d, weights).reduce(0.0) { $0 + $1.0 * $1.1 }
        let expected = [
          weighted, weight < 0.02 ? Double.nan : weighted / weight,
          zip(d, weights).reduce(0.0) { $0 + $1.0 * $1.1 * (1 - $1.1) }, d.reduce(0, +),
        ]
        for (number, wanted) in expected.enumerated() where base != reference {
          let value = Double(scores.substitutions[number][base, column])
          #expect(wanted.isNaN ? value.isNaN : abs(value - wanted) < 2e-4, "target \(number) at \(column)")
        }
      }
    }
  }

  @Test("a model that ends in a sigmoid is scored by its logits, like the same model without it")
  func sigmoidEnd() throws {
    let strand = Self.strand(300)
    var plain = try StretchTISM(try PositionTower().model(), targets: [.weighted])
    var ended = try StretchTISM(
      try PositionTower(sigmoid: true).model(activation: .probability), targets: [.weighted])
    let (a, b) = (try plain.score(0..<300, of: strand), try ended.score(0..<300, of: strand))
    #expect(a.substitutions == b.substitutions)
    #expect(a.predictions == b.predictions)
  }

  @Test("outputs that are no logits can only be summed")
  func plainOutputs() throws {
    let model = try PositionTower().model(activation: .plain)
    #expect(throws: AttributionError.self) { _ = try StretchTISM(model, targets: [.weighted]) }
    #expect(throws: AttributionError.self) { _ = try StretchISM(model, targets: [.logit], newSites: true) }
    var scorer = try StretchTISM(model, targets: [.logit])
    let strand = Self.strand(50)
    let scores = try scorer.score(0..<50, of: strand)
    let expected = try PositionTower().logits(strand.codes)
    for (value, wanted) in zip(scores.predictions, expected) { #expect(abs(Double(value) - wanted) < 1e-4) }
  }

  @Test("a model that does not treat all positions alike is no per-position model")
  func positionDependent() throws {
    let network = try Network(fixedLength: 60) { batch, length in
      var random = SplitMix64(seed: 8)
      var builder = GraphBuilder(batch: batch, length: length)
      let weight = ConstantTensor(shape: [1, 4, 3], floats: random.floats(count: 12))
      let x = try builder.apply(
        Convolution(weight: weight, bias: nil, padding: (1, 1)), to: builder.sequence, name: "conv")
      let positions = builder.constant(
        ConstantTensor(shape: [1, length, 1], floats: random.floats(count: length)), name: "positions")
      let y = try builder.apply(Binary(.add), to: x, positions, name: "embedding")
      return builder.graph(outputs: [y])
    }
    var settings = OutputSettings()
    settings.activation = .logit
    #expect {
      try network.settledKind(settings)
    } throws: {
      "\($0)".contains("'embedding'") && "\($0)".contains("--output-kind window")
    }
    settings.kind = .window
    #expect(try network.settledKind(settings) == .window)
  }

  @Test("one output a base from fewer, repeated or spread positions makes no per-position model")
  func patterned() throws {
    for transposed in [false, true] {
      let network = try Network(fixedLength: 60) { batch, length in
        var random = SplitMix64(seed: 8)
        var builder = GraphBuilder(batch: batch, length: length)
        func weight() -> ConstantTensor { ConstantTensor(shape: [4, 4, 3], floats: random.floats(count: 48)) }
        var x = try builder.apply(
          Convolution(weight: weight(), bias: nil, stride: 2, padding: (1, 1)), to: builder.sequence, name: "down")
        let rows = builder.shape(of: x)[1]
        x =
          transposed
          ? try builder.apply(Interleave(axis: 1, stride: 2), to: x, name: "up")
          : try builder.apply(
            Gather(axis: 1, indices: (0..<2 * rows).map { $0 / 2 }, indexShape: [2 * rows]), to: x, name: "up")
        x = try builder.apply(
          Convolution(weight: weight(), bias: nil, padding: (1, transposed ? 2 : 1)), to: x, name: "out")
        return builder.graph(outputs: [x])
      }
      var settings = OutputSettings()
      #expect(try network.settledKind(settings) == .window)
      settings.kind = .position
      #expect {
        try network.settledKind(settings)
      } throws: {
        "\($0)".contains("'up'") && "\($0)".contains("--output-kind window")
      }
    }
  }
}
