import Engine
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

/// Laws of whole networks, for every kind of block, on random ones.
@Suite("Blocks: gradients and differences against float64")
struct BlockTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let block: Block
    let seed: UInt64
    var testDescription: String { "\(block.rawValue) \(seed)" }
    let length = 22

    func graph() throws -> Graph {
      var network = RandomNetwork(seed: seed &* 7919 &+ 13, batch: 1, length: length)
      return try network.network(block)
    }

    var codes: [UInt8] {
      var random = SplitMix64(seed: seed ^ 0xB10C)
      return random.bases(count: length)
    }

    /// 2e-6 of the largest, or ten times that behind attention, as for the fixtures.
    var tolerance: Double { block.isAttention ? 2e-5 : 2e-6 }
  }

  static let cases = Block.allCases.flatMap { block in (0..<3).map { Case(block: block, seed: $0) } }

  private func oneHot(_ codes: [UInt8]) -> [Double] { codes.flatMap { code in (0..<4).map { $0 == code ? 1 : 0 } } }

  private func evaluate(_ graph: Graph, _ x: [Double]) throws -> [Double] {
    try graph.evaluate(ConstantTensor(shape: [1, x.count / 4, 4], values: x))[0].values
  }

  @Test("the gradient agrees with central differences in float64", arguments: cases)
  func gradient(_ c: Case) throws {
    let graph = try c.graph()
    var session = Session(try Program(graph.simplified()), for: .gradient)
    let point = oneHot(c.codes)
    session.forward { buffer in for (index, value) in point.enumerated() { buffer[index] = Float(value) } }
    var random = SplitMix64(seed: c.seed)
    let weights = random.floats(count: 3)
    let gradient = session.gradient(seeds: [(0, weights)]) { $0.map(Double.init) }
    let largest = gradient.map(abs).max()!
    try #require(largest > 0)
    func score(_ x: [Double]) throws -> Double {
      zip(try evaluate(graph, x), weights).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    var checked = 0
    for index in stride(from: Int(c.seed), to: point.count, by: 3) {
      func slope(_ step: Double) throws -> Double {
        var (up, down) = (point, point)
        up[index] += step
        down[index] -= step
        return try (score(up) - score(down)) / (2 * step)
      }
      // Halved steps agree where no kink lies between them.
      let (coarse, fine) = (try slope(2e-5), try slope(1e-5))
      guard abs(fine - coarse) <= 1e-7 * largest else { continue }
      checked += 1
      #expect(abs(gradient[index] - fine) <= c.tolerance * largest, "element \(index)")
    }
    #expect(checked >= 20)
  }

  @Test("every substitution's change equals a full float64 pass minus the reference", arguments: cases)
  func differences(_ c: Case) throws {
    let graph = try c.graph()
    let reference = oneHot(c.codes)
    var session = DifferenceSession(try DifferenceProgram(graph.simplified()))
    session.setReference { buffer in for (index, value) in reference.enumerated() { buffer[index] = Float(value) } }
    let before = try evaluate(graph, reference)
    var edits: [InputEdit] = []
    for (position, code) in c.codes.enumerated() {
      for base in 0..<4 where base != Int(code) {
        var change = SIMD4<Float>.zero
        (change[Int(code)], change[base]) = (-1, 1)
        edits.append(InputEdit(position: position, change: change))
      }
    }
    var changes: [[Float]] = []
    session.propagate(edits) { _, found in
      var row = [Float](repeating: 0, count: before.count)
      let (first, values) = found.changes(ofOutput: 0)
      for (offset, value) in values.enumerated() { row[first + offset] = value }
      changes.append(row)
    }
    var (error, largest) = (0.0, 0.0)
    for (edit, change) in zip(edits, changes) {
      var edited = reference
      for base in 0..<4 { edited[edit.position * 4 + base] += Double(edit.change[base]) }
      for (got, pair) in zip(change, zip(try evaluate(graph, edited), before)) {
        largest = max(largest, abs(pair.0 - pair.1))
        error = max(error, abs(Double(got) - (pair.0 - pair.1)))
      }
    }
    #expect(error <= c.tolerance * largest, "\(error / largest)")
  }

  @Test("no operator of these is computed anew", arguments: Block.ruled)
  func rulesOnly(_ block: Block) throws {
    let recomputed = try DifferenceProgram(Case(block: block, seed: 1).graph().simplified()).recomputed
    #expect(recomputed.isEmpty, "\(recomputed)")
  }

  @Test("what repeats, reflects or spreads entries keeps a window of rows", arguments: Block.resampled)
  func windowsOfResampled(_ block: Block) throws {
    var network = RandomNetwork(seed: 5, batch: 1, length: 600)
    let program = try DifferenceProgram(network.network(block).simplified())
    let rows = program.plan.compactMap(\.rows).dropLast()
    #expect(rows.count >= 5)
    #expect(rows.allSatisfy { $0.changed <= 25 && $0.of >= 150 }, "\(rows)")
  }

  @Test("the plan names every operator that works and its costs add up", arguments: cases)
  func plan(_ c: Case) throws {
    let program = try DifferenceProgram(c.graph().simplified())
    let plan = program.plan
    #expect(plan.reduce(0) { $0 + $1.multiplyAdds } == program.multiplyAddsPerEdit)
    #expect(plan.reduce(0) { $0 + $1.multiplyAddsInFull } == program.multiplyAdds)
    #expect(plan.filter { $0.route == .recomputed }.map(\.name).sorted() == program.recomputed.map(\.name).sorted())
    #expect(plan.allSatisfy { step in step.rows.map { 0...$0.of ~= $0.changed } ?? true })
  }
}
