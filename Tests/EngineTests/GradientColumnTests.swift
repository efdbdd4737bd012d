import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@testable import Engine

@Suite("Gradients of some columns")
struct GradientColumnTests {
  @Test("wanted columns have the bits of the whole gradient", arguments: ProgramTests.cases)
  func sameBits(_ c: ProgramTests.Case) throws {
    let program = try Program(c.graph().simplified())
    var session = Session(program, for: .gradient)
    session.forward { _ = $0.update(from: c.input()) }
    var random = SplitMix64(seed: c.seed &+ 5)
    let seeds = program.outputShapes.enumerated().map { (output: $0, weights: random.floats(count: $1.count)) }
    let whole = session.gradient(seeds: seeds) { Array($0) }
    for width in [1, 1, 2, 5, c.length / 2, c.length] {
      let first = Int.random(in: 0...c.length - width, using: &random)
      let part = session.gradient(seeds: seeds, of: first..<first + width) { Array($0) }
      for sequence in 0..<c.batch {
        let own = (sequence * c.length + first) * 4..<(sequence * c.length + first + width) * 4
        #expect(part[own].map(\.bitPattern) == whole[own].map(\.bitPattern), "\(width) columns from \(first)")
      }
    }
    #expect(session.gradient(seeds: seeds) { Array($0) }.map(\.bitPattern) == whole.map(\.bitPattern))
  }

  /// Fewer rows must be computed, or the bits above prove nothing.
  @Test("rows out of reach are left out")
  func leavesOut() throws {
    var network = RandomNetwork(seed: 2, batch: 1, length: 60)
    var x = try network.builder.apply(
      Convolution(weight: network.weights([6, 4, 5]), bias: nil, padding: (2, 2)), to: network.builder.sequence,
      name: "conv1")
    x = try network.builder.apply(Pool(kind: .max, size: 4, stride: 2), to: x, name: "pool")
    x = try network.builder.apply(
      Convolution(weight: network.weights([6, 6, 3]), bias: nil, dilation: 2), to: x, name: "conv2")
    x = try network.builder.apply(Reshape(to: [1, 150]), to: x, name: "flat")
    x = try network.builder.apply(Dense(weight: network.weights([150, 1]), bias: nil), to: x, name: "head")
    let program = try Program(network.builder.graph(outputs: [x]))
    let cone = GradientCone(program, columns: 20..<30)
    // Row t reads t - 2 ... t + 2, then 2 t ... 2 t + 3, then t ... t + 4.
    #expect(cone.rows.compactMap { $0 } == [20..<30, 18..<32, 8..<16, 4..<16])
    #expect(cone.operators.map { $0 != nil } == [true, true, true, false, false])
  }
}
