import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

/// LSTM and GRU layers inside networks: an edit is carried along the sequence from where it is.
@Suite("Recurrent networks")
struct RecurrenceTests {
  enum Head: CaseIterable, Sendable { case everyState, lastState, states }

  struct Case: CustomTestStringConvertible, Sendable {
    let cell: Recurrence.Cell
    let reversed: [Bool]
    let head: Head
    var givesCells = false
    var testDescription: String { "\(cell) \(reversed) \(head)\(givesCells ? " with cells" : "")" }

    static let length = 29
    static let units = 7

    func graph() throws -> Graph {
      var network = RandomNetwork(seed: 0x157, batch: 1, length: Case.length)
      var x = network.builder.sequence
      // Rows of a window of positions go in, and all rows of what a first layer has spread go into the second.
      x = try network.builder.apply(
        Convolution(weight: network.weights([6, 4, 5]), bias: network.weights([6]), padding: (2, 2)), to: x,
        name: "conv")
      x = try network.builder.apply(Unary(.tanh), to: x, name: "act")
      x = try network.builder.apply(layer(&network, inputs: 6, reversed: [false]), to: x, name: "first")
      x = try network.builder.apply(
        layer(&network, inputs: Case.units, reversed: reversed, givesCells: givesCells), to: x, name: "second")
      let shape = network.builder.shape(of: x)
      switch head {
      case .states: break
      case .lastState:
        let cuts = [(0, 1), (Case.length - 1, 1), (0, shape[2])].map { Slice.Cut(start: $0.0, count: $0.1) }
        x = try network.builder.apply(Slice(cuts: cuts), to: x, name: "last")
      case .everyState:
        x = try network.builder.apply(Reshape(to: [1, shape[1] * shape[2]]), to: x, name: "flat")
        x = try network.builder.apply(
          Dense(weight: network.weights([shape[1] * shape[2], 3]), bias: nil), to: x, name: "dense")
      }
      return network.builder.graph(outputs: [x])
    }

    private func layer(
      _ network: inout RandomNetwork, inputs: Int, reversed: [Bool], givesCells: Bool = false
    ) throws -> Recurrence {
      let rows = (cell == .lstm ? 4 : 3) * Case.units
      return try Recurrence(
        cell, units: Case.units,
        directions: reversed.map { isReversed in
          Recurrence.Direction(
            isReversed: isReversed, weight: network.weights([rows, inputs]),
            recurrence: network.weights([rows, Case.units]), bias: network.weights([2 * rows]),
            initialHidden: network.weights([1, Case.units]))
        }, givesCells: givesCells)
    }
  }

  static let cases: [Case] = {
    let cells: [Recurrence.Cell] = [.lstm, .gru(resetAfter: false), .gru(resetAfter: true)]
    return cells.flatMap { cell in
      [[false], [true], [false, true]].flatMap { reversed in
        Head.allCases.map { Case(cell: cell, reversed: reversed, head: $0) }
      }
    } + [Case(cell: .lstm, reversed: [false, true], head: .states, givesCells: true)]
  }()

  private func oneHot(_ codes: [UInt8]) -> [Float] {
    codes.flatMap { code in (0..<4).map { $0 == code ? 1 : 0 } }
  }

  private func changes(_ session: inout DifferenceSession, _ edits: [InputEdit], count: Int) -> [[Float]] {
    var result: [[Float]] = []
    session.propagate(edits) { _, changes in
      var flat = [Float](repeating: 0, count: count)
      let (first, values) = changes.changes(ofOutput: 0)
      for (offset, value) in values.enumerated() { flat[first + offset] = value }
      result.append(flat)
    }
    return result
  }

  @Test("every substitution's change equals a full float64 pass minus the reference, by rule", arguments: cases)
  func equalsNaive(_ c: Case) throws {
    let graph = try c.graph()
    let program = try DifferenceProgram(graph)
    #expect(program.recomputed.isEmpty, "\(program.recomputed)")
    var random = SplitMix64(seed: 3)
    let codes = random.bases(count: Case.length)
    let shape: Shape = [1, Case.length, 4]
    let before = try graph.evaluate(ConstantTensor(shape: shape, floats: oneHot(codes)))[0]
    var session = DifferenceSession(program)
    session.setReference { _ = $0.update(from: oneHot(codes)) }
    let reference = session.withReferenceOutput(0) { Array($0) }
    let largestValue = max(1, before.values.map(abs).max()!)
    #expect(zip(reference, before.values).allSatisfy { abs(Double($0) - $1) <= 1e-6 * largestValue })

    let edits = codes.indices.map { position -> InputEdit in
      var change = SIMD4<Float>.zero
      change[Int(codes[position])] = -1
      change[Int(codes[position] + 1) % 4] = 1
      return InputEdit(position: position, change: change)
    }
    let all = changes(&session, edits, count: before.values.count)
    var (largest, error) = (0.0, 0.0)
    for (edit, got) in zip(edits, all) {
      var mutated = codes
      mutated[edit.position] = (mutated[edit.position] + 1) % 4
      let after = try graph.evaluate(ConstantTensor(shape: shape, floats: oneHot(mutated)))[0]
      for (value, pair) in zip(got, zip(after.values, before.values)) {
        largest = max(largest, abs(pair.0 - pair.1))
        error = max(error, abs(Double(value) - (pair.0 - pair.1)))
      }
    }
    #expect(error <= 2e-6 * largest, "\(error / largest)")

    // An edit alone, and in another order, gives the bits that it gives in company.
    for index in edits.indices {
      let alone = changes(&session, [edits[index]], count: before.values.count)[0]
      #expect(alone.map(\.bitPattern) == all[index].map(\.bitPattern))
    }
    let backwards = changes(&session, edits.reversed(), count: before.values.count)
    #expect(backwards.reversed().map { $0.map(\.bitPattern) } == all.map { $0.map(\.bitPattern) })
  }

  /// What is left after the subtraction of two float32 passes would not be.
  @Test("ever smaller edits converge to the gradient", arguments: cases)
  func convergesToGradient(_ c: Case) throws {
    let graph = try c.graph()
    var random = SplitMix64(seed: 5)
    let input = oneHot(random.bases(count: Case.length))
    var session = DifferenceSession(try DifferenceProgram(graph))
    session.setReference { _ = $0.update(from: input) }
    let program = try Program(graph)
    var gradients = Session(program, for: .gradient)
    gradients.forward { _ = $0.update(from: input) }
    let weights = random.floats(count: program.outputShapes[0].count)
    let gradient = gradients.gradient(seeds: [(output: 0, weights: weights)]) { Array($0) }
    let largest = gradient.map(abs).max()!
    for position in 0..<Case.length {
      let direction = SIMD4(random.floats(count: 4))
      let scale: Float = 0x1p-16
      let change = changes(
        &session, [InputEdit(position: position, change: direction * scale)], count: weights.count)[0]
      let slope = zip(change, weights).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } / Double(scale)
      let wanted = (0..<4).reduce(Float(0)) { $0 + gradient[position * 4 + $1] * direction[$1] }
      #expect(abs(slope - Double(wanted)) <= 1e-4 * Double(max(largest, 1e-3)), "position \(position)")
    }
  }

  /// States before and behind a recurrent layer are moved about by exporters, under shapes that hide their rows.
  @Test("what only moves whole values takes their differences along")
  func movement() throws {
    let shape: Shape = [11, 2, 1, 3]
    let pad = Pad(before: [1, 0, 0, -1], after: [0, 1, 2, 0], value: 0.75)
    let constant = ConstantTensor(shape: [11, 2, 1, 2], floats: (0..<44).map { Float($0) })
    let moves: [(any NetworkOperator, ConstantTensor?)] = [
      (try Transpose(permutation: [3, 0, 2, 1]), nil), (Concat(axis: 3), constant), (pad, nil),
      (
        Slice(
          cuts: [(10, -2, 5), (1, 1, 1), (0, 1, 1), (0, 2, 2)].map { .init(start: $0.0, step: $0.1, count: $0.2) }), nil
      ),
      (Gather(axis: 0, indices: [4, 4, -1], indexShape: [3]), nil), (Tile(repeats: [1, 2, 3, 1]), nil),
      (Expand(to: [11, 2, 4, 3]), nil),
    ]
    for (op, constant) in moves {
      var network = RandomNetwork(seed: 0x30E, batch: 1, length: 11)
      let layer = try Recurrence(
        .gru(resetAfter: true), units: 6,
        directions: [
          Recurrence.Direction(
            isReversed: false, weight: network.weights([18, 4]), recurrence: network.weights([18, 6]), bias: nil)
        ])
      var x = try network.builder.apply(layer, to: network.builder.sequence, name: "states")
      x = try network.builder.apply(Reshape(to: shape), to: x, name: "apart")
      let operands = [x] + (constant.map { [network.builder.constant($0, name: "beside")] } ?? [])
      let moved = try network.builder.apply(op, to: operands, name: "moved")
      let graph = network.builder.graph(outputs: moved)
      let program = try DifferenceProgram(graph)
      #expect(program.recomputed.isEmpty, "\(op.kind)")
      var random = SplitMix64(seed: 4)
      let input = random.floats(count: 44)
      var session = DifferenceSession(program)
      session.setReference { _ = $0.update(from: input) }
      let before = try graph.evaluate(ConstantTensor(shape: [1, 11, 4], floats: input))[0]
      let edits = (0..<11).map { InputEdit(position: $0, change: SIMD4(random.floats(count: 4))) }
      for (edit, got) in zip(edits, changes(&session, edits, count: before.shape.count)) {
        var edited = input
        for base in 0..<4 { edited[edit.position * 4 + base] += edit.change[base] }
        let after = try graph.evaluate(ConstantTensor(shape: [1, 11, 4], floats: edited))[0]
        let error = zip(got, zip(after.values, before.values)).map { abs(Double($0) - ($1.0 - $1.1)) }.max()!
        #expect(error <= 1e-6, "\(op.kind), position \(edit.position)")
      }
    }
  }

  @Test("a sequence's values are the same alone and beside others")
  func batches() throws {
    let units = 9
    for cell in [Recurrence.Cell.lstm, .gru(resetAfter: false), .gru(resetAfter: true)] {
      let rows = (cell == .lstm ? 4 : 3) * units
      var network = RandomNetwork(seed: 0xBA7C4, batch: 1, length: 11)
      let directions = [false, true].map {
        Recurrence.Direction(
          isReversed: $0, weight: network.weights([rows, 4]), recurrence: network.weights([rows, units]),
          bias: network.weights([2 * rows]))
      }
      let op = try Recurrence(cell, units: units, directions: directions)
      func run(_ codes: [[UInt8]]) throws -> [[UInt32]] {
        var builder = GraphBuilder(batch: codes.count, length: 11)
        let y = try builder.apply(op, to: builder.sequence, name: "recurrent")
        var session = Session(try Program(builder.graph(outputs: [y])), for: .gradient)
        session.forward { _ = $0.update(from: codes.flatMap(oneHot)) }
        let values = session.withOutput(0) { $0.map(\.bitPattern) }
        let seeds = (0..<values.count).map { Float($0 % (11 * 2 * units)) / 100 }
        let gradient = session.gradient(seeds: [(output: 0, weights: seeds)]) { $0.map(\.bitPattern) }
        return codes.indices.map { n in
          Array(values[n * values.count / codes.count..<(n + 1) * values.count / codes.count])
            + Array(gradient[n * 44..<(n + 1) * 44])
        }
      }
      var random = SplitMix64(seed: 8)
      let codes = (0..<7).map { _ in random.bases(count: 11) }
      let together = try run(codes)
      for n in codes.indices {
        let alone = try run([codes[n]])
        #expect(alone[0] == together[n], "\(cell)")
      }
    }
  }
}
