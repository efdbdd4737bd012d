import Foundation
import ONNXImport
import Tensors
import Testing
import TrackIO

/// A case of `Tests/Fixtures`: a model with its float64 truth.
struct ReferenceModel: CustomTestStringConvertible, Sendable {
  let name: String

  var testDescription: String { name }
  var path: String { Self.folder + "/\(name).onnx" }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures").path(percentEncoded: false)

  /// Every model of the folder whose targets are described: others have a truth of another kind.
  static let all: [ReferenceModel] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".onnx") }.map { String($0.dropLast(5)) }
      .filter { files.contains("\($0).json") }.sorted().map { ReferenceModel(name: $0) }
  }()

  /// What the json says of the targets.
  private struct About: Decodable {
    struct Target: Decodable {
      let output: Int
      let index: Int?
      let sum: [Int]?
    }
    let targets: [Target]
  }

  /// Target values by window, as PyTorch computed them in float64.
  struct Truth {
    /// One-hot windows, `[length, 4]` each.
    let windows: [[Double]]
    let length: Int
    let predictions: [[Double]]
    private let targets: [About.Target]

    init(_ model: ReferenceModel) throws {
      let base = ReferenceModel.folder + "/\(model.name)"
      let targets = try JSONDecoder().decode(About.self, from: Data(contentsOf: URL(filePath: base + ".json"))).targets
      let arrays = try NumPyFile.readNPZ(path: base + ".npz")
      let sequences = try #require(arrays["sequences"])
      let prediction = try #require(arrays["prediction"])
      let (count, length) = (sequences.shape[0], sequences.shape[1])
      let (codes, values) = (sequences.values, prediction.values)
      self.targets = targets
      self.length = length
      windows = (0..<count).map { n in
        (0..<length).flatMap { i in (0..<4).map { codes[n * length + i] == Double($0) ? 1.0 : 0.0 } }
      }
      predictions = (0..<count).map { Array(values[$0 * targets.count..<($0 + 1) * targets.count]) }
    }

    /// The targets' values, from each output's entries of one window.
    func values(_ outputs: [[Double]]) -> [Double] {
      targets.map { target in
        (target.index.map { [$0] } ?? target.sum ?? []).reduce(0) { $0 + outputs[target.output][$1] }
      }
    }
  }
}
