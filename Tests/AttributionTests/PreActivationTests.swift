import Engine
import Glibc
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@testable import Attribution

@Suite("Outputs before their final activation")
struct PreActivationTests {
  /// A head that ends in a softmax over 3 classes, of which one is taken out, and a sigmoid whose input is read elsewhere.
  static func graph(batch: Int = 1) throws -> Graph {
    var random = SplitMix64(seed: 4)
    func weights(_ shape: Shape) -> ConstantTensor {
      ConstantTensor(shape: shape, floats: random.floats(count: shape.count))
    }
    var builder = GraphBuilder(batch: batch, length: 10)
    let conv = try builder.apply(
      Convolution(weight: weights([3, 4, 3]), bias: weights([3]), padding: (1, 1)), to: builder.sequence, name: "conv")
    let soft = try builder.apply(Softmax(axis: 2), to: conv, name: "softmax")
    let turned = try builder.apply(Transpose(permutation: [0, 2, 1]), to: soft, name: "turned")
    let flat = try builder.apply(Reshape(to: [batch, 30]), to: turned, name: "flat")
    let gate = try builder.apply(Unary(.sigmoid), to: conv, name: "gate")
    let gated = try builder.apply(Binary(.multiply), to: gate, conv, name: "gated")
    return builder.graph(outputs: [flat, gate, gated])
  }

  static func input(seed: UInt64) -> ConstantTensor {
    var random = SplitMix64(seed: seed)
    return ConstantTensor(shape: [1, 10, 4], floats: random.floats(count: 40))
  }

  @Test(
    "a sigmoid is left out, a softmax becomes log-odds, other outputs and readers stay",
    arguments: 0..<5 as Range<UInt64>)
  func surgery(seed: UInt64) throws {
    let graph = try Self.graph()
    #expect(graph.finalActivations == [.softmax(axis: 2), .sigmoid, nil])
    let before = try graph.preActivation()
    let (y, z) = (try graph.evaluate(Self.input(seed: seed)), try before.evaluate(Self.input(seed: seed)))
    for (p, logit) in zip(y[0].values, z[0].values) { #expect(abs(log(p / (1 - p)) - logit) < 1e-9) }
    for (p, logit) in zip(y[1].values, z[1].values) { #expect(abs(1 / (1 + exp(-logit)) - p) < 1e-12) }
    #expect(y[2].values == z[2].values)
    #expect(y.map(\.shape) == z.map(\.shape))
    // The compiled network agrees, also after rewriting.
    for candidate in [before, before.simplified()] {
      var session = Session(try Program(candidate), for: .prediction)
      session.forward { _ = $0.update(from: Self.input(seed: seed).floats) }
      for (index, wanted) in z.enumerated() {
        let got = session.withOutput(index) { Array($0) }
        for (a, b) in zip(got, wanted.values) { #expect(abs(Double(a) - b) < 1e-5) }
      }
    }
  }

  @Test("the gradient of log-odds agrees with central differences")
  func gradient() throws {
    let graph = try Self.graph().preActivation()
    var session = Session(try Program(graph), for: .gradient)
    let input = Self.input(seed: 8)
    session.forward { _ = $0.update(from: input.floats) }
    var random = SplitMix64(seed: 1)
    let seeds = random.floats(count: 30)
    let gradient = session.gradient(seeds: [(0, seeds)]) { Array($0) }
    func value(_ index: Int, _ step: Double) throws -> Double {
      var values = input.values
      values[index] += step
      let y = try graph.evaluate(ConstantTensor(shape: input.shape, values: values))[0].values
      return zip(y, seeds).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    for index in 0..<40 {
      let slope = (try value(index, 1e-5) - value(index, -1e-5)) / 2e-5
      #expect(abs(slope - Double(gradient[index])) < 1e-4 * max(1, abs(slope)))
    }
  }

  @Test("log-odds keep their digits where one entry is nearly certain")
  func noCancellation() {
    for gap in [1.0, 20, 50, 300, 1e4] {
      let z = [0, gap, 1]
      let y = LogOdds.logOdds(z).values
      #expect(abs(y[1] - (gap - log(1 + exp(1)))) < 1e-12 * gap + 1e-12)
      // Against a far larger entry the others' logit is the plain difference, up to what float64 can hold.
      #expect(abs(y[0] + gap + log1p(exp(1 - gap))) < 1e-9)
    }
    #expect(LogOdds.logOdds([3]).values == [3])
  }

  @Test("a model without a final activation is refused")
  func refused() throws {
    var builder = GraphBuilder(batch: 1, length: 4)
    let x = try builder.apply(Unary(.relu), to: builder.sequence, name: "relu")
    let graph = builder.graph(outputs: [x])
    #expect(throws: AttributionError.noFinalActivation(outputs: ["relu"])) { try graph.preActivation() }
  }
}
