import Foundation
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@testable import ONNXImport

/// Activations with operands of their own.
@Suite("Activation rules")
struct ActivationRuleTests {
  let folder = TemporaryFolder()

  /// On `x [N, 4, 8]`: whatever broadcasts to it, as one operator where the slopes lie along one axis.
  @Test(
    "PRelu takes slopes of any shape that broadcasts",
    arguments: [
      ([1], "LeakyRelu"), ([4, 1], "PRelu"), ([1, 4, 1], "PRelu"), ([8], "PRelu"), ([4, 8], "Where"),
    ] as [([Int64], String)])
  func prelu(_ dims: [Int64], _ kind: String) throws {
    let slopes = (0..<Int(dims.reduce(1, *))).map { Float($0 * 7 % 11) / 8 - 0.5 }
    let model = SmallModel.model(
      outputs: ["y"], nodes: [SmallModel.node("PRelu", ["x", "slopes"], ["y"])],
      tensors: [SmallModel.floats("slopes", dims, slopes)])
    let file = try ModelFile(path: folder.write(model))
    var random = SplitMix64(seed: 5)
    let rows = random.floats(count: 8 * 4).map(Double.init)  // [8, 4], as graphs take sequences
    let columns = dims.last!
    for graph in [try file.rawGraph(batch: 1, length: 8), try file.graph(batch: 1, length: 8)] {
      #expect(graph.nodes.contains { $0.op.kind == kind })
      let y = try graph.evaluate(ConstantTensor(shape: [1, 8, 4], values: rows))[0]
      #expect(y.shape == [1, 4, 8])
      for channel in 0..<4 {
        for position in 0..<8 {
          let x = rows[position * 4 + channel]
          let row = dims.count > 1 ? channel * Int(columns) : 0
          let slope = slopes.count == 1 ? slopes[0] : slopes[row + (columns == 1 ? 0 : position)]
          #expect(abs(y.values[channel * 8 + position] - (x < 0 ? Double(slope) * x : x)) < 1e-12)
        }
      }
    }
  }
}
