import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Trunks shared by overlapping windows")
struct SharedTrunkTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let seed: UInt64
    let batch, length, step: Int
    var testDescription: String { "seed \(seed) batch \(batch) L\(length) step \(step)" }

    func graph() throws -> Graph {
      var network = RandomNetwork(seed: seed, batch: batch, length: length)
      return try network.network(perPosition: false).simplified()
    }
  }

  static let cases: [Case] = (0..<90).map {
    Case(seed: UInt64($0), batch: 1 + $0 % 3, length: [24, 31, 48][$0 % 3], step: [1, 2, 3, 4, 8, 11][$0 / 3 % 6])
  }

  /// One-hot rows; some bases are unknown.
  static func oneHot(_ codes: ArraySlice<UInt8>, _ input: UnsafeMutableBufferPointer<Float>, from row: Int = 0) {
    for (column, code) in codes.enumerated() where code < 4 { input[(row + column) * 4 + Int(code)] = 1 }
  }

  static func codes(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
    random.bases(count: count).map { Int.random(in: 0..<9, using: &random) == 0 ? 4 : $0 }
  }

  /// Runs windows off a stretch that grows and is given up by random pieces, and each by itself.
  private static func compare(
    _ program: Program, _ trunk: SharedTrunk, _ purpose: SessionPurpose, seed: UInt64,
    _ read: (inout Session) -> [[Float]]
  ) {
    let (batch, length) = (program.inputShape[0], program.inputShape[1])
    var random = SplitMix64(seed: seed)
    let all = codes(4 * length + Int.random(in: 0..<40, using: &random), &random)
    let stretch = TrunkStretch(trunk)
    var sharing = Session(program, for: purpose)
    var plain = Session(program, for: purpose)
    var (origin, first) = (0, 0)
    while first + length <= all.count {
      let passed = (first - origin) / trunk.period * trunk.period
      if passed > 0, Bool.random(using: &random) {
        stretch.drop(passed)
        origin += passed
      }
      let needed = first + length - origin - stretch.count
      if needed > 0 {
        let room = min(all.count - origin, trunk.capacity) - stretch.count
        let added = Int.random(in: needed...max(needed, min(room, needed + 30)), using: &random)
        let start = origin + stretch.count
        stretch.extend(by: added) { oneHot(all[start..<start + added], $0) }
      }
      var starts: [Int] = []
      while starts.count < batch, first + length - origin <= stretch.count, first + length <= all.count {
        starts.append(first)
        first += trunk.step
      }
      sharing.forward(sharing: stretch, at: starts.map { $0 - origin })
      plain.forward { input in
        for (row, start) in starts.enumerated() {
          oneHot(all[start..<start + length], input, from: row * length)
        }
      }
      for (got, wanted) in zip(read(&sharing), read(&plain)) {
        let count = got.count / batch * starts.count
        #expect(got[..<count].map(\.bitPattern) == wanted[..<count].map(\.bitPattern), "windows from \(starts[0])")
      }
    }
  }

  private static func outputs(_ session: borrowing Session) -> [[Float]] {
    session.program.outputShapes.indices.map { session.withOutput($0) { Array($0) } }
  }

  @Test("predictions have the same bits as window by window", arguments: cases)
  func predictions(_ c: Case) throws {
    let program = try Program(c.graph())
    guard let trunk = SharedTrunk(program, step: c.step, for: .prediction) else { return }
    Self.compare(program, trunk, .prediction, seed: c.seed) { Self.outputs($0) }
  }

  @Test("gradients have the same bits as window by window", arguments: cases)
  func gradients(_ c: Case) throws {
    let program = try Program(c.graph())
    guard let trunk = SharedTrunk(program, step: c.step, for: .gradient) else { return }
    var random = SplitMix64(seed: c.seed)
    let seeds = program.outputShapes.enumerated().map { (output: $0, weights: random.floats(count: $1.count)) }
    Self.compare(program, trunk, .gradient, seed: c.seed) { session in
      Self.outputs(session) + [session.gradient(seeds: seeds) { Array($0) }]
    }
  }

  @Test("references of exact ISM have the same bits as window by window", arguments: cases.filter { $0.batch == 1 })
  func references(_ c: Case) throws {
    let program = try DifferenceProgram(c.graph()).program
    guard let trunk = SharedTrunk(program, step: c.step, for: .reference) else { return }
    Self.compare(program, trunk, .reference, seed: c.seed) { Self.outputs($0) }
  }

  @Test("a reference that was shared gives edits the same bits", arguments: cases.filter { $0.batch == 1 })
  func differences(_ c: Case) throws {
    let program = try DifferenceProgram(c.graph())
    guard let trunk = SharedTrunk(program.program, step: c.step, for: .reference) else { return }
    var random = SplitMix64(seed: c.seed)
    let all = Self.codes(c.length + 3 * c.step, &random)
    let stretch = TrunkStretch(trunk)
    stretch.extend(by: all.count) { Self.oneHot(all[...], $0) }
    var sharing = DifferenceSession(program)
    var plain = DifferenceSession(program)
    for start in stride(from: 0, through: 3 * c.step, by: c.step) {
      sharing.setReference(sharing: stretch, at: start)
      plain.setReference { Self.oneHot(all[start..<start + c.length], $0) }
      let edits = (0..<c.length).map { InputEdit(position: $0, change: [1, 0, -1, 0]) }
      func changes(_ session: inout DifferenceSession) -> [UInt32] {
        var bits: [UInt32] = []
        session.propagate(edits) { _, changes in
          for output in program.graph.outputs.indices {
            let (first, values) = changes.changes(ofOutput: output)
            bits += [UInt32(first)] + values.map(\.bitPattern)
          }
        }
        return bits
      }
      #expect(changes(&sharing) == changes(&plain), "window from \(start)")
    }
  }

  @Test("the cases share trunks at one phase and at several, one window and several a run")
  func coverage() throws {
    let trunks = try Self.cases.compactMap { c in
      SharedTrunk(try Program(c.graph()), step: c.step, for: .prediction).map { ($0, c) }
    }
    #expect(trunks.count > 40)
    #expect(trunks.contains { $0.0.period > 1 && $0.1.step % $0.0.period != 0 })
    #expect(trunks.contains { $0.0.period > 1 && $0.1.step % $0.0.period == 0 })
    #expect(trunks.contains { $0.1.batch > 1 })
  }

  /// Two convolutions without padding, a pooling between them, a dense head: counted by hand.
  @Test("operations are counted as the shapes say")
  func operations() throws {
    var network = RandomNetwork(seed: 3, batch: 1, length: 20)
    var x = try network.builder.apply(
      Convolution(weight: network.weights([8, 4, 5]), bias: nil), to: network.builder.sequence, name: "conv1")
    x = try network.builder.apply(Pool(kind: .max, size: 2, stride: 2), to: x, name: "pool")
    x = try network.builder.apply(Convolution(weight: network.weights([6, 8, 3]), bias: nil), to: x, name: "conv2")
    x = try network.builder.apply(Reshape(to: [1, 36]), to: x, name: "flat")
    x = try network.builder.apply(Dense(weight: network.weights([36, 3]), bias: nil), to: x, name: "head")
    let program = try Program(network.builder.graph(outputs: [x]))
    let (conv1, pool, conv2, head) = (16 * 8 * 4 * 5, 8 * 8 * 2, 6 * 6 * 8 * 3, 36 * 3)
    // At an odd step every phase of the pooled rows is wanted, at an even one only half of them.
    for (step, pooledRows) in [(1, 1), (2, 1), (3, 3), (4, 2)] {
      let trunk = try #require(SharedTrunk(program, step: step, for: .prediction))
      #expect(trunk.multiplyAddsAlone == conv1 + pool + conv2 + head)
      #expect(trunk.multiplyAddsPerWindow == head + 16 * 36)
      #expect(
        trunk.multiplyAddsPerBase * Double(step)
          == Double(step * conv1) / 16 + Double(pooledRows) * (Double(pool) / 8 + Double(conv2) / 6))
      #expect(trunk.period == 2)
      #expect(!trunk.pays(forWindows: 1) && trunk.pays(forWindows: 50))
    }
    #expect(SharedTrunk(program, step: 20, for: .prediction) == nil)
  }
}
