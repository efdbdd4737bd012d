import Attribution
import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Scans whose windows share a trunk")
struct SharedWindowTests {
  private static let length = 40

  /// - Parameter shares: false for the same network behind reshapes that hide its rows.
  private static func model(shares: Bool) throws -> ScanModel {
    let network = try Network(fixedLength: length) { batch, length in
      var random = SplitMix64(seed: 78)
      func weights(_ shape: Shape) -> ConstantTensor {
        ConstantTensor(shape: shape, floats: random.floats(count: shape.count).map { $0 / 4 })
      }
      var builder = GraphBuilder(batch: batch, length: length)
      var x = builder.sequence
      if !shares {
        x = try builder.apply(Reshape(to: [batch, length * 4]), to: x, name: "flat")
        x = try builder.apply(Reshape(to: [batch, length, 4]), to: x, name: "rows")
      }
      x = try builder.apply(
        Convolution(weight: weights([16, 4, 21]), bias: weights([16]), padding: (2, 2)), to: x, name: "conv")
      x = try builder.apply(Unary(.relu), to: x, name: "relu")
      x = try builder.apply(Pool(kind: .max, size: 4, stride: 4), to: x, name: "pool")
      x = try builder.apply(Reshape(to: [batch, 96]), to: x, name: "flatten")
      x = try builder.apply(Dense(weight: weights([96, 2]), bias: nil), to: x, name: "head")
      return builder.graph(outputs: [x])
    }
    return ScanModel(
      network: network, kind: .window, output: OutputSettings(), fileRecords: [.init(name: "window.onnx", md5: "1")])
  }

  @Test("tracks have the same bytes as window by window", arguments: [1, 6], [false, true])
  func sameTracks(step: Int, isCircular: Bool) async throws {
    let fixture = try ScanFixture([
      ("chr1", ScanFixture.bases(301, seed: 31, unknown: [100..<110])), ("short", ScanFixture.bases(30, seed: 32)),
    ])
    for shares in [true, false] {
      let model = try Self.model(shares: shares)
      for purpose in [SessionPurpose.prediction, .gradient, .reference] {
        let trunk = try model.network.sharedTrunk(batch: 1, length: Self.length, step: step, for: purpose)
        #expect((trunk != nil) == shares)
      }
      try await fixture.run(
        fixture.request("\(shares)") {
          $0.methods = [.predict, .tism, .ism]
          $0.reductions = [.alt]
          $0.step = step
          // Windows go on over the origin, of the short one more than once.
          if isCircular { $0.circular = ["chr1", "short"] }
        }, model)
    }
    let tracks = "ls *.bw *.bedGraph.gz | xargs md5sum"
    let shared = try Shell.output("cd \(fixture.folder.file("true")) && \(tracks)")
    #expect(shared.split(separator: "\n").count > 20)
    #expect(shared == (try Shell.output("cd \(fixture.folder.file("false")) && \(tracks)")))
  }
}
