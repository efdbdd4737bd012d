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
  static let exports = [
    "keras_small", "torch_external", "deepsea_2d", "basset_2d", "squeeze_excitation", "float16", "bi_lstm",
    "gru_torchscript", "upsampling", "upsampling_torchscript",
  ]
  static let cases =
    ["basset", "basset_torchscript", "deepsea", "bpnet", "dna_transformer", "encoder_transformer"] + exports
  static let convolutional = cases.filter { !$0.contains("transformer") }

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

    /// The first windows, with the columns whose edits are scored.
    func windows(count: Int = .max, columns: Range<Int>? = nil) -> [WindowTask] {
      sequences.prefix(count).enumerated().map {
        WindowTask(codes: $1[...], columns: columns, location: "sequence \($0)")
      }
    }

    /// Columns at both ends and in the middle, at most `count` in all.
    func columns(_ count: Int) -> [Range<Int>] {
      let part = count / 3
      return [0, (model.length - part) / 2, model.length - part].map { $0..<$0 + part }
    }

    /// Largest error of the scores over the largest true magnitude of the same target.
    /// - Parameter start: number of the sequence that the first window is.
    func errors(_ scores: [WindowScores], _ windows: [WindowTask], _ truth: [Double], from start: Int = 0) -> [Double] {
      model.targets.indices.map { target in
        var (error, largest) = (0.0, 0.0)
        for (sequence, scores) in scores.enumerated() {
          let first = ((start + sequence) * model.targets.count + target) * 4 * model.length
          for base in 0..<4 {
            let row = first + base * model.length
            largest = max(largest, truth[row..<row + model.length].map(abs).max()!)
            for (index, column) in windows[sequence].columns.enumerated() {
              let own = abs(Double(scores.substitutions[target][base, index]) - truth[row + column])
              error = own.isNaN ? .infinity : max(error, own)
            }
          }
        }
        return error / largest
      }
    }
  }

  /// What rounding leaves of scores, over a target's largest.
  static func limit(_ name: String) -> Double {
    ["transformer", "lstm", "gru"].contains(where: name.contains) ? 2e-5 : 2e-6
  }

  /// Debug builds take seconds to load the transformers and an edit in them, so that each model is read once and fewer of
  /// their edits are tried. `Tests/validators/fixture_errors.py` tries them all with the release build.
  @Test(
    """
    predictions within 2e-6 of the larger of 1 and the largest; TISM and ISM within 2e-6 of each target's largest (2e-5 \
    behind attention and recurrence), plain ISM within 1e-3
    """, arguments: cases)
  func agrees(name: String) throws {
    let fixture = try Fixture(name)
    // Other exports of the same kinds of layers: a few edits show that they are wired up.
    let isSlow = name.contains("transformer") || Self.exports.contains(name)

    var tism = try WindowTISM(fixture.model)
    let all = fixture.windows()
    let scores = try tism.score(all)
    let predictions = scores.flatMap(\.predictions)
    #expect(predictions.count == fixture.prediction.count)
    let largest = fixture.prediction.map(abs).max()!
    let error = zip(predictions, fixture.prediction).map { abs(Double($0) - $1) }.max()!
    #expect(error <= 2e-6 * max(1, largest) && predictions.allSatisfy(\.isFinite), "\(error)")
    for error in fixture.errors(scores, all, fixture.tism) { #expect(error <= Self.limit(name), "TISM") }

    var fast = try WindowDifferences(fixture.model)
    for columns in fixture.columns(isSlow ? 9 : 90) {
      let some = fixture.windows(count: isSlow ? 1 : 3, columns: columns)
      for error in fixture.errors(try fast.score(some), some, fixture.ism) {
        #expect(error <= Self.limit(name), "ISM, columns \(columns)")
      }
    }
    var naive = try WindowISM(fixture.model)
    let few = fixture.windows(count: 1, columns: fixture.columns(isSlow ? 9 : 60)[1])
    for error in fixture.errors(try naive.score(few), few, fixture.ism) { #expect(error <= 1e-3, "plain ISM") }
  }
}
