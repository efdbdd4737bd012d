import Attribution
import Foundation
import Genomics
import ONNXImport
import TestSupport
import Testing
import TrackIO

/// Reference models of the field with float64 truth from PyTorch (Tests/Fixtures/README.md), scored every way there is.
@Suite("Fixtures: predictions, TISM and ISM against float64 truth")
struct FixtureTests {
  static let cases = ["basset", "basset_torchscript", "deepsea", "bpnet", "dna_transformer", "encoder_transformer"]

  /// A case with its targets as the command line writes them.
  struct Fixture {
    let network: Network
    let model: WindowModel
    let sequences: [[UInt8]]
    /// Shape `[n, T]`.
    let prediction: [Double]
    /// Shape `[n, T, 4, L]`.
    let ism, tism: [Double]

    init(_ name: String) throws {
      let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures").path
      network = try Network(ModelFile(path: "\(folder)/\(name).onnx"))
      let arrays = try NumPyFile.readNPZ(path: "\(folder)/\(name).npz")
      let shape = arrays["sequences"]!.shape
      let codes = arrays["sequences"]!.values.map { UInt8($0) }
      sequences = (0..<shape[0]).map { Array(codes[$0 * shape[1]..<($0 + 1) * shape[1]]) }
      prediction = arrays["prediction"]!.values
      ism = arrays["ism"]!.values
      tism = arrays["tism"]!.values
      let network = network
      let targets = try Self.targets("\(folder)/\(name).json").map {
        try ScoreTarget(parsing: $0).resolved(among: network.outputs)
      }
      model = try WindowModel(network, length: shape[1], targets: targets)
    }

    private struct Description: Decodable {
      struct Target: Decodable {
        let output: Int
        let index: Int?
        let sum: [Int]?
      }
      let targets: [Target]
    }

    private static func targets(_ path: String) throws -> [String] {
      try JSONDecoder().decode(Description.self, from: Data(contentsOf: URL(fileURLWithPath: path))).targets.map {
        if let index = $0.index { return "\($0.output):\(index)" }
        // Every summed target of the fixtures is a contiguous range.
        let sum = $0.sum!
        try #require(sum == Array(sum[0]...sum.last!))
        return "\($0.output):\(sum[0])-\(sum.last! + 1)"
      }
    }

    /// The windows, with the columns whose edits are scored.
    func windows(count: Int = .max, columns: Int = .max) -> [WindowTask] {
      let middle = model.length / 2
      let half = min(columns, model.length) / 2
      return sequences.prefix(count).enumerated().map {
        WindowTask(
          codes: $1[...], columns: columns >= model.length ? nil : middle - half..<middle + half, location: "sequence \($0)")
      }
    }

    /// Largest error of the scores over the largest true magnitude of the same target.
    func errors(_ scores: [WindowScores], _ windows: [WindowTask], _ truth: [Double]) -> [Double] {
      model.targets.indices.map { target in
        var (error, largest) = (0.0, 0.0)
        for (sequence, scores) in scores.enumerated() {
          let first = (sequence * model.targets.count + target) * 4 * model.length
          for base in 0..<4 {
            let row = first + base * model.length
            largest = max(largest, truth[row..<row + model.length].map(abs).max()!)
            for (index, column) in windows[sequence].columns.enumerated() {
              error = max(error, abs(Double(scores.substitutions[target][base, index]) - truth[row + column]))
            }
          }
        }
        return error / largest
      }
    }
  }

  @Test("predictions within 1e-5 of the larger of 1 and the largest", arguments: cases)
  func predictions(name: String) throws {
    let fixture = try Fixture(name)
    var scorer = try WindowPrediction(fixture.model)
    let values = try scorer.score(fixture.windows()).flatMap(\.predictions)
    #expect(values.count == fixture.prediction.count)
    let largest = fixture.prediction.map(abs).max()!
    let error = zip(values, fixture.prediction).map { abs(Double($0) - $1) }.max()!
    #expect(error <= 1e-5 * max(1, largest), "\(error)")
  }

  @Test("TISM within 1e-5 of each target's largest magnitude", arguments: cases)
  func tism(name: String) throws {
    let fixture = try Fixture(name)
    var scorer = try WindowTISM(fixture.model)
    let windows = fixture.windows()
    for error in fixture.errors(try scorer.score(windows), windows, fixture.tism) { #expect(error <= 1e-5) }
  }

  @Test("ISM by difference propagation within 1e-5 of each target's largest magnitude", arguments: cases)
  func ism(name: String) throws {
    let fixture = try Fixture(name)
    var scorer = try WindowDifferences(fixture.model)
    let windows = fixture.windows(count: isSlow(name) ? 1 : 3, columns: isSlow(name) ? 16 : 120)
    for error in fixture.errors(try scorer.score(windows), windows, fixture.ism) { #expect(error <= 1e-5) }
  }

  @Test("ISM the plain way within 1e-3 of each target's largest magnitude", arguments: cases)
  func naive(name: String) throws {
    let fixture = try Fixture(name)
    var scorer = try WindowISM(fixture.model)
    let windows = fixture.windows(count: isSlow(name) ? 1 : 2, columns: isSlow(name) ? 16 : 60)
    for error in fixture.errors(try scorer.score(windows), windows, fixture.ism) { #expect(error <= 1e-3) }
  }

  /// Debug builds take seconds an edit here: fewer edits are tried.
  private func isSlow(_ name: String) -> Bool { name.contains("transformer") }
}
