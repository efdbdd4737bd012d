import Attribution
import Kernels
import NetworkGraph
import TestSupport
import Testing

@Suite("Exact ISM by difference propagation")
struct DifferenceScorerTests {
  @Test("along a strand it is equal, bit for bit, for any tile, with the weights and predictions of TISM")
  func tilesDoNotMatter() throws {
    let strand = StretchTests.strand(600, unknown: 100..<103)
    func scores(tile: Int) throws -> StretchScores {
      var scorer = try StretchDifferences(
        try PositionTower().model(tile: tile), targets: PositionTarget.allCases, newSites: true)
      return try scorer.score(0..<600, of: strand)
    }
    let whole = try scores(tile: 600)
    for tile in [1, 37, 100, 599] {
      let other = try scores(tile: tile)
      #expect(other.predictions.map(\.bitPattern) == whole.predictions.map(\.bitPattern))
      #expect(other.newSites.map(\.bitPattern) == whole.newSites.map(\.bitPattern))
      for (a, b) in zip(other.substitutions, whole.substitutions) {
        #expect(a.values.map(\.bitPattern) == b.values.map(\.bitPattern))
      }
    }
    var tism = try StretchTISM(try PositionTower().model(), targets: [.weighted])
    let predictions = try tism.score(0..<600, of: strand).predictions
    #expect(predictions.map(\.bitPattern) == whole.predictions.map(\.bitPattern))
  }

  @Test("along a strand it agrees with one pass an edit, and is closer to float64", arguments: [18, 40, 300])
  func agreesWithNaive(length: Int) throws {
    let tower = PositionTower(activation: length == 40 ? .tanh : .relu)
    let strand = StretchTests.strand(length, seed: UInt64(length), unknown: 9..<11)
    let model = try tower.model(tile: 64)
    var naive = try StretchISM(model, targets: PositionTarget.allCases, newSites: true)
    var fast = try StretchDifferences(model, targets: PositionTarget.allCases, newSites: true)
    let (a, b) = (try naive.score(0..<length, of: strand), try fast.score(0..<length, of: strand))
    #expect(a.predictions.map(\.bitPattern) == b.predictions.map(\.bitPattern))
    for (x, y) in zip(a.newSites, b.newSites) { #expect(x.isNaN ? y.isNaN : abs(x - y) < 1e-5) }
    for (x, y) in zip(a.substitutions, b.substitutions) {
      let largest = x.values.filter(\.isFinite).map(abs).max()!
      for (p, q) in zip(x.values, y.values) { #expect(p.isNaN ? q.isNaN : abs(p - q) <= 2e-5 * max(1, largest)) }
    }
  }

  /// The plain sum has no weights that float32 rounds, so float64 passes give its truth.
  @Test("a plain sum is within 1e-6 of full float64 passes")
  func closeToFloat64() throws {
    let tower = PositionTower()
    let strand = StretchTests.strand(90)
    var scorer = try StretchDifferences(try tower.model(), targets: [.logit])
    let scores = try scorer.score(0..<90, of: strand).substitutions[0]
    let before = try tower.logits(strand.codes)
    var (error, largest) = (0.0, 0.0)
    for base in 0..<90 {
      for alternate in UInt8(0)..<4 where alternate != strand.codes[base] {
        var edited = strand.codes
        edited[base] = alternate
        let wanted = try zip(tower.logits(edited), before).reduce(0.0) { $0 + $1.0 - $1.1 }
        error = max(error, abs(Double(scores[Int(alternate), base]) - wanted))
        largest = max(largest, abs(wanted))
      }
    }
    #expect(error <= 1e-6 * largest)
  }

  @Test("windows agree with one pass an edit for every kind of target, alone or in company", arguments: [false, true])
  func windows(preActivation: Bool) throws {
    let model = try WindowTests.model(WindowTests.targets, preActivation: preActivation)
    var naive = try WindowISM(model)
    var fast = try WindowDifferences(model)
    let windows = WindowTests.windows(6)
    let all = try fast.score(windows)
    for (a, b) in zip(try naive.score(windows), all) {
      for (x, y) in zip(a.predictions, b.predictions) {
        let allowed: Float = 1e-5 * max(1, abs(x))
        #expect(abs(x - y) <= allowed)
      }
      for (x, y) in zip(a.substitutions, b.substitutions) {
        let largest = x.values.map(abs).max()!
        let error: Float = zip(x.values, y.values).map { abs($0 - $1) }.max()!
        let allowed: Float = 2e-5 * max(1, largest)
        #expect(error <= allowed)
      }
    }
    let part = WindowTask(codes: windows[3].codes, columns: 3..<8, location: "part")
    let cut = try fast.score([part])[0]
    for (whole, some) in zip(all[3].substitutions, cut.substitutions) {
      for base in 0..<4 {
        for column in 3..<8 { #expect(whole[base, column].bitPattern == some[base, column - 3].bitPattern) }
      }
    }
  }
}
