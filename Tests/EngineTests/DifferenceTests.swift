import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Difference propagation")
struct DifferenceTests {
  static let cases = ProgramTests.cases.map {
    ProgramTests.Case(seed: $0.seed &+ 1000, batch: 1, length: $0.length, perPosition: $0.perPosition)
  }

  private func oneHot(_ codes: [UInt8]) -> [Float] {
    codes.flatMap { code in (0..<4).map { $0 == code ? 1 : 0 } }
  }

  /// Every substitution of the sequence, in order of position.
  private func substitutions(_ codes: [UInt8]) -> [InputEdit] {
    codes.indices.flatMap { position in
      (0..<4).compactMap { base -> InputEdit? in
        guard base != codes[position] else { return nil }
        var change = SIMD4<Float>.zero
        change[Int(codes[position])] = -1
        change[base] = 1
        return InputEdit(position: position, change: change)
      }
    }
  }

  private func changes(_ session: inout DifferenceSession, _ edits: [InputEdit], counts: [Int]) -> [[[Float]]] {
    var result: [[[Float]]] = []
    session.propagate(edits) { _, changes in
      result.append(
        counts.indices.map { output in
          var flat = [Float](repeating: 0, count: counts[output])
          let (first, values) = changes.changes(ofOutput: output)
          for (offset, value) in values.enumerated() { flat[first + offset] = value }
          return flat
        })
    }
    return result
  }

  @Test("every substitution's change equals a full float64 pass minus the reference", arguments: cases)
  func equalsNaive(_ c: ProgramTests.Case) throws {
    let graph = try c.graph()
    var random = SplitMix64(seed: c.seed)
    let codes = random.bases(count: c.length)
    let program = try DifferenceProgram(graph.simplified())
    let shape: Shape = [1, c.length, 4]
    let before = try graph.evaluate(ConstantTensor(shape: shape, floats: oneHot(codes)))
    let counts = before.map(\.shape.count)
    var session = DifferenceSession(program)
    session.setReference { _ = $0.update(from: oneHot(codes)) }
    for (output, wanted) in before.enumerated() {
      let got = session.withReferenceOutput(output) { Array($0) }
      let error = zip(got, wanted.values).map { abs(Double($0) - $1) }.max()!
      #expect(error <= 2e-6 * max(1, wanted.values.map(abs).max()!))
    }
    let edits = substitutions(codes)
    let all = changes(&session, edits, counts: counts)
    #expect(all.count == edits.count)

    var largest = counts.map { _ in 0.0 }
    var error = counts.map { _ in 0.0 }
    for index in edits.indices where index % 3 == Int(c.seed % 3) {
      var mutated = codes
      mutated[edits[index].position] = UInt8((0..<4).first { edits[index].change[$0] > 0 }!)
      let after = try graph.evaluate(ConstantTensor(shape: shape, floats: oneHot(mutated)))
      for output in counts.indices {
        for (got, pair) in zip(all[index][output], zip(after[output].values, before[output].values)) {
          largest[output] = max(largest[output], abs(pair.0 - pair.1))
          error[output] = max(error[output], abs(Double(got) - (pair.0 - pair.1)))
        }
      }
    }
    for output in counts.indices { #expect(error[output] <= 2e-6 * largest[output] + 1e-12) }

    // An edit alone gives the bits it gives in company.
    for index in stride(from: 0, to: edits.count, by: 17) {
      let alone = changes(&session, [edits[index]], counts: counts)[0]
      #expect(alone.map { $0.map(\.bitPattern) } == all[index].map { $0.map(\.bitPattern) })
    }
  }

  @Test("edits of several neighbouring positions equal a full float64 pass minus the reference", arguments: cases)
  func widerEdits(_ c: ProgramTests.Case) throws {
    let graph = try c.graph()
    var random = SplitMix64(seed: c.seed &+ 5)
    let codes = random.bases(count: c.length)
    let input = oneHot(codes)
    let before = try graph.evaluate(ConstantTensor(shape: [1, c.length, 4], floats: input))
    let counts = before.map(\.shape.count)
    for width in [2, 3, 7, c.length] {
      var session = DifferenceSession(try DifferenceProgram(graph.simplified(), editWidth: width))
      session.setReference { _ = $0.update(from: input) }
      // Narrower edits than the program allows go through it too.
      let edits = (0...c.length - width).map { start in
        let columns = (0..<(start % 4 == 3 ? width - 1 : width)).map { column -> SIMD4<Float> in
          var change = SIMD4<Float>.zero
          change[Int(codes[start + column])] -= 1
          // A base, or (one in five) zeros.
          let new = Int.random(in: 0...4, using: &random)
          if new < 4 { change[new] += 1 }
          return change
        }
        return InputEdit(position: start, change: columns[0], following: Array(columns.dropFirst()))
      }
      let all = changes(&session, edits, counts: counts)
      var (error, largest) = (counts.map { _ in 0.0 }, counts.map { _ in 0.0 })
      for index in edits.indices where index % 3 == width % 3 || edits.count < 3 {
        var mutated = input
        for (column, change) in ([edits[index].change] + edits[index].following).enumerated() {
          for base in 0..<4 { mutated[(edits[index].position + column) * 4 + base] += change[base] }
        }
        let after = try graph.evaluate(ConstantTensor(shape: [1, c.length, 4], floats: mutated))
        for output in counts.indices {
          for (got, pair) in zip(all[index][output], zip(after[output].values, before[output].values)) {
            largest[output] = max(largest[output], abs(pair.0 - pair.1))
            error[output] = max(error[output], abs(Double(got) - (pair.0 - pair.1)))
          }
        }
      }
      for output in counts.indices { #expect(error[output] <= 2e-6 * largest[output] + 1e-12, "width \(width)") }
    }
  }

  /// Transposes that remain (an output in the exporter's layout) have no rule of their own.
  @Test("convolutional networks need no recomputing", arguments: cases)
  func rulesOnly(_ c: ProgramTests.Case) throws {
    let recomputed = try DifferenceProgram(c.graph().simplified()).recomputed.map(\.kind)
    #expect(recomputed.isEmpty, "\(recomputed)")
  }

  @Test("ever smaller edits converge to the gradient", arguments: cases.prefix(12))
  func convergesToGradient(_ c: ProgramTests.Case) throws {
    let graph = try c.graph().simplified()
    let input = c.input()
    var session = DifferenceSession(try DifferenceProgram(graph))
    session.setReference { _ = $0.update(from: input) }
    var gradients = Session(try Program(graph), for: .gradient)
    gradients.forward { _ = $0.update(from: input) }
    let shapes = try Program(graph).outputShapes
    var random = SplitMix64(seed: c.seed)
    let weights = shapes.map { random.floats(count: $0.count) }
    let gradient = gradients.gradient(seeds: weights.enumerated().map { (output: $0, weights: $1) }) { Array($0) }
    let largest = gradient.map(abs).max()!
    let directions = (0..<10).map { _ in
      (position: Int.random(in: 0..<c.length, using: &random), SIMD4(random.floats(count: 4)))
    }
    var agreeing = 0
    for (position, direction) in directions {
      let scales: [Float] = [8, 12].map { Float(sign: .plus, exponent: -$0, significand: 1) }
      let slopes = scales.map { scale -> Float in
        let change = changes(
          &session, [InputEdit(position: position, change: direction * scale)], counts: shapes.map(\.count))[0]
        let score = zip(change, weights).reduce(0.0) { sum, pair in
          sum + zip(pair.0, pair.1).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
        return Float(score / Double(scale))
      }
      let wanted = (0..<4).reduce(Float(0)) { $0 + gradient[position * 4 + $1] * direction[$1] }
      // Edits on a kink do not converge; they are few.
      if abs(slopes[1] - wanted) <= 2e-3 * max(1, largest) { agreeing += 1 }
    }
    #expect(agreeing >= 9)
  }
}
