import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Compiled programs")
struct ProgramTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let seed: UInt64
    let batch, length: Int
    let perPosition: Bool
    var testDescription: String { "seed \(seed) batch \(batch) L\(length)\(perPosition ? " per position" : "")" }

    func graph() throws -> Graph {
      var network = RandomNetwork(seed: seed, batch: batch, length: length)
      return try network.network(perPosition: perPosition)
    }

    /// Any numbers serve as input: the network does not know that it is one-hot.
    func input() -> [Float] {
      var random = SplitMix64(seed: seed ^ 0xFACE)
      return random.floats(count: batch * length * 4)
    }
  }

  static let cases: [Case] = (0..<60).map {
    Case(seed: UInt64($0), batch: 1 + $0 % 3, length: [24, 31, 48][$0 % 3], perPosition: $0 % 4 == 3)
  }

  @Test("forward equals the plain float64 evaluation, before and after simplification", arguments: cases)
  func forward(_ c: Case) throws {
    let graph = try c.graph()
    let input = c.input()
    let expected = try graph.evaluate(ConstantTensor(shape: [c.batch, c.length, 4], floats: input))
    for candidate in [graph, graph.simplified()] {
      let program = try Program(candidate)
      #expect(program.outputShapes == expected.map(\.shape))
      #expect(program.outputNames == graph.outputs.map { graph.values[$0].name })
      for purpose in [SessionPurpose.prediction, .gradient] {
        var session = Session(program, for: purpose)
        // A second window through the same session must not see the first.
        session.forward { _ = $0.update(from: input.reversed()) }
        session.forward { _ = $0.update(from: input) }
        for (index, wanted) in expected.enumerated() {
          let got = session.withOutput(index) { Array($0) }
          let largest = wanted.values.map(abs).max() ?? 0
          let error = zip(got, wanted.values).map { abs(Double($0) - $1) }.max() ?? 0
          #expect(error <= 1e-5 * max(1, largest))
        }
      }
    }
  }

  @Test("simplification leaves no transpose between layers that are channels-last anyway")
  func channelsLastThroughout() throws {
    var network = RandomNetwork(seed: 11, batch: 1, length: 40)
    var x = try network.builder.apply(Transpose(permutation: [0, 2, 1]), to: network.builder.sequence, name: "input")
    for _ in 0..<3 {
      let channels = network.builder.shape(of: x)[1]
      let weight = network.weights([8, channels, 3])
      x = try network.channelsFirst(Convolution(weight: weight, bias: nil, padding: (1, 1)), x)
      x = try network.builder.apply(
        ScaleShift(scale: Array(repeating: 2, count: 8), shift: Array(repeating: 1, count: 8), axis: 1), to: x,
        name: "bn")
      x = try network.builder.apply(Unary(.relu), to: x, name: "relu")
    }
    let flat = try network.builder.apply(Reshape(to: [1, 320]), to: x, name: "flatten")
    let weight = network.weights([320, 2])
    let output = try network.builder.apply(Dense(weight: weight, bias: nil), to: flat, name: "head")
    let graph = network.builder.graph(outputs: [output]).simplified().fusingRelu()
    #expect(graph.nodes.map(\.op.kind) == ["Conv+Relu", "Conv+Relu", "Conv+Relu", "Reshape", "Gemm"])
  }

  /// Smooth networks only where the step crosses no kink: the largest of several steps' agreement is asked for.
  @Test("the gradient agrees with central differences of the float64 evaluation", arguments: cases)
  func gradient(_ c: Case) throws {
    let graph = try c.graph()
    let input = c.input()
    let shape: Shape = [c.batch, c.length, 4]
    let program = try Program(graph.simplified())
    var session = Session(program, for: .gradient)
    session.forward { _ = $0.update(from: input) }
    var random = SplitMix64(seed: c.seed &+ 99)
    let seeds = program.outputShapes.enumerated().map { (output: $0, weights: random.floats(count: $1.count)) }
    let gradient = session.gradient(seeds: seeds) { Array($0) }
    // Asking twice gives the same bits: nothing of the first pass is left over.
    let again = session.gradient(seeds: seeds) { Array($0) }
    #expect(again.map(\.bitPattern) == gradient.map(\.bitPattern))

    func score(_ x: [Double]) throws -> Double {
      let outputs = try graph.evaluate(ConstantTensor(shape: shape, values: x))
      return zip(outputs, seeds).reduce(0) { sum, pair in
        sum + zip(pair.0.values, pair.1.weights).reduce(0) { $0 + $1.0 * Double($1.1) }
      }
    }
    let point = input.map(Double.init)
    let largest = Double(gradient.map(abs).max() ?? 0)
    var checked = 0
    for index in stride(from: Int(c.seed % 5), to: input.count, by: 7) {
      func slope(_ step: Double) throws -> Double {
        var (up, down) = (point, point)
        up[index] += step
        down[index] -= step
        return (try score(up) - score(down)) / (2 * step)
      }
      let (fine, coarse) = (try slope(1e-5), try slope(1e-4))
      // A kink between the two steps makes them disagree: there is no derivative to compare with.
      guard abs(fine - coarse) <= 1e-6 * max(1, largest) else { continue }
      checked += 1
      #expect(abs(Double(gradient[index]) - fine) <= 2e-5 * max(1, largest), "element \(index)")
    }
    #expect(checked > 0)
  }

  @Test("positions an output reads are exactly those its dependence names", arguments: cases.filter(\.perPosition))
  func dependence(_ c: Case) throws {
    let graph = try c.graph().simplified()
    guard case .window(let window) = graph.dependences[graph.outputs[0]] else {
      Issue.record("a per-position network lost its positions")
      return
    }
    #expect(window.step == 1)
    var session = Session(try Program(graph), for: .prediction)
    let input = c.input()
    let middle = c.length / 2
    session.forward { _ = $0.update(from: input) }
    let reference = session.withOutput(0) { Array($0) }
    // NaN in one base of the first sequence marks every output that reads it.
    session.forward { buffer in
      _ = buffer.update(from: input)
      for channel in 0..<4 { buffer[middle * 4 + channel] = .nan }
    }
    let poisoned = session.withOutput(0) { Array($0) }
    for j in 0..<c.length {
      let reads = middle >= j - window.back && middle <= j + window.ahead
      if !reads { #expect(poisoned[j].bitPattern == reference[j].bitPattern, "output \(j) reads base \(middle)") }
    }
    #expect(poisoned[middle].isNaN || window.back < 0 || window.ahead < 0)
  }
}
