import Foundation
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@testable import ONNXImport

/// Convolutions of one tap over several axes, as attention pooling has them.
@Suite("Pointwise convolutions")
struct PointwiseConvolutionTests {
  let folder = TemporaryFolder()

  @Test("every entry of a plane is mixed by itself", arguments: [1, 2])
  func plane(_ groups: Int) throws {
    let weights = (0..<6 * 4 / groups).map { Float($0 * 7 % 11) - 5 }
    let bias = (0..<6).map { Float($0) }
    let model = SmallModel.model(
      outputs: ["y"],
      nodes: [
        SmallModel.node("Reshape", ["x", "pairs"], ["plane"]),
        SmallModel.node(
          "Conv", ["plane", "w", "b"], ["y"], name: "mix", [SmallModel.int("group", Int64(groups))]),
      ],
      tensors: [
        SmallModel.integers("pairs", [-1, 4, 4, 2]), SmallModel.floats("w", [6, Int64(4 / groups), 1, 1], weights),
        SmallModel.floats("b", [6], bias),
      ])
    let file = try ModelFile(path: folder.write(model))
    var random = SplitMix64(seed: 5)
    let rows = random.floats(count: 8 * 4).map(Double.init)  // [8, 4], as graphs take sequences
    for graph in [try file.rawGraph(batch: 1, length: 8), try file.graph(batch: 1, length: 8)] {
      let y = try graph.evaluate(ConstantTensor(shape: [1, 8, 4], values: rows))[0]
      #expect(y.shape == [1, 6, 4, 2])
      for output in 0..<6 {
        let first = output / (6 / groups) * (4 / groups)
        for position in 0..<8 {
          let wanted = (0..<4 / groups).reduce(Double(bias[output])) { sum, input in
            sum + Double(weights[output * 4 / groups + input]) * rows[position * 4 + first + input]
          }
          #expect(abs(y.values[output * 8 + position] - wanted) < 1e-6)
        }
      }
    }
  }
}
