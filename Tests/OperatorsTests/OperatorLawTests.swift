import Foundation
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

/// The laws that every operator on data keeps, each tried on every case of the table.
@Suite("Laws of operators")
struct OperatorLawTests {
  private static let cases = OperatorTable.cases

  private func distance(_ a: [Float], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).map { abs(Double($0) - $1) }.max { $1.isNaN || $0 < $1 } ?? 0
  }

  private func largest(_ values: [Double]) -> Double { values.map(abs).max() ?? 0 }

  @Test("the compiled float32 forward pass equals the plain float64 meaning", arguments: cases)
  func forward(_ c: OperatorCase) throws {
    let expected = try c.op.evaluate(c.operands)
    let run = try OperatorRun(c)
    #expect(run.outputShapes == expected.map(\.shape))
    for got in [run.forward(), run.forward(precisely: true)] {
      for (wanted, got) in zip(expected, got) {
        #expect(distance(got, wanted.values) <= 1e-5 * largest(wanted.values))
      }
    }
  }

  @Test("the backward pass agrees with central differences of the plain meaning", arguments: cases)
  func backward(_ c: OperatorCase) throws {
    let run = try OperatorRun(c)
    var random = SplitMix64(seed: 0xD1FF)
    let seeds = run.outputShapes.map { random.floats(count: $0.count) }
    let got = run.backward(seeds, wanted: c.data)
    for operand in c.data {
      let point = c.operands[operand]
      func score(_ element: Int, _ step: Double) throws -> Double {
        var values = point.values
        values[element] += step
        let outputs = try c.evaluate(operand, ConstantTensor(shape: point.shape, values: values))
        return zip(outputs, seeds).reduce(0) { sum, pair in
          sum + zip(pair.0.values, pair.1).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
      }
      func slope(_ element: Int, _ step: Double) throws -> Double {
        (try score(element, step) - score(element, -step)) / (2 * step)
      }
      let gradient = try #require(got[operand])
      let size = max(1, largest(gradient.map(Double.init)))
      var compared = 0
      for element in 0..<point.shape.count {
        let (fine, coarse) = (try slope(element, 1e-5), try slope(element, 2e-4))
        // A kink between the two steps: there is no derivative to compare with.
        guard abs(fine - coarse) <= 1e-5 * size else { continue }
        compared += 1
        #expect(abs(Double(gradient[element]) - fine) <= 1e-5 * size, "operand \(operand), element \(element)")
      }
      #expect(2 * compared > point.shape.count, "too few elements away from kinks")
      // A gradient that is asked for alone is the same; one that adds leaves what was there.
      #expect(run.backward(seeds, wanted: [operand])[operand] == gradient)
      let added = try #require(run.backward(seeds, wanted: c.data, start: 3)[operand])
      #expect(distance(added, gradient.map { Double($0) + 3 }) <= 1e-6 * size * 4)
    }
  }

  /// `self(permuted x) == permuted(f(x))` for every permutation of the axes.
  @Test("what commutes with a permutation of axes does", arguments: cases)
  func commuting(_ c: OperatorCase) throws {
    let ranks = Set(c.data.map { c.operands[$0].shape.rank })
    guard ranks.count == 1, let rank = ranks.first, rank <= 4 else { return }
    let shapes = c.operands.map(\.shape)
    let expected = try c.op.evaluate(c.operands)
    for permutation in permutations(of: rank) {
      guard let (op, outputs) = c.op.commuting(with: permutation, shapes: shapes) else { continue }
      let inverse = permutation.indices.map { axis in permutation.firstIndex(of: axis)! }
      let back = try Transpose(permutation: inverse)
      var moved: [ConstantTensor] = []
      for (index, operand) in c.operands.enumerated() {
        if c.known[index], operand.shape.count == 1 || operand.shape.rank > rank {
          moved.append(operand)
          continue
        }
        let padded = operand.reshaped(
          Shape(Array(repeating: 1, count: rank - operand.shape.rank) + operand.shape.dims))
        moved.append(try back.evaluate([padded])[0])
      }
      let results = try op.evaluate(moved)
      #expect(results.count == expected.count && outputs.count == expected.count)
      for (index, wanted) in expected.enumerated() {
        let permuted = try Transpose(permutation: outputs[index]).evaluate([results[index]])[0]
        #expect(permuted.shape == wanted.shape, "permutation \(permutation)")
        guard permuted.shape == wanted.shape else { continue }
        let error = zip(permuted.values, wanted.values).map { abs($0 - $1) }.max() ?? 0
        #expect(error <= 1e-12 * max(1, largest(wanted.values)), "permutation \(permutation)")
      }
    }
  }

  /// One position of the sequence changes: only outputs whose dependence names it may change.
  @Test(
    "an output reads no position that its dependence does not name", arguments: cases,
    [PositionWindow(axis: 0, step: 1, back: 0, ahead: 0), PositionWindow(axis: 0, step: 2, back: 3, ahead: 1)])
  func dependence(_ c: OperatorCase, _ reads: PositionWindow) throws {
    let before = try c.op.evaluate(c.operands)
    let shapes = c.operands.map(\.shape)
    for operand in c.data {
      for axis in shapes[operand].dims.indices {
        var window = reads
        window.axis = axis
        var inputs = [Dependence](repeating: .nothing, count: shapes.count)
        inputs[operand] = .window(window)
        let found = c.op.dependence(of: inputs, shapes: shapes)
        #expect(found.count == before.count)
        // Positions of the sequence that any entry along the axis reads.
        let positions = -window.back...window.step * max(shapes[operand][axis] - 1, 0) + window.ahead
        for position in positions {
          let after = try c.evaluate(operand, changed(c.operands[operand], at: position, window))
          for (index, dependence) in found.enumerated() {
            #expect(dependence != .nothing)
            guard case .window(let named) = dependence else { continue }
            let stray = changedEntries(before[index], after[index], axis: named.axis).filter { entry in
              position < named.step * entry - named.back || position > named.step * entry + named.ahead
            }
            #expect(stray.isEmpty, "operand \(operand), axis \(axis), position \(position): \(named) misses \(stray)")
          }
        }
      }
    }
  }

  /// The sequence moves by as many entries as lie between two of the output: the output moves by one.
  @Test("an operator that treats positions alike moves with the sequence", arguments: cases)
  func positionsAlike(_ c: OperatorCase) throws {
    let shapes = c.operands.map(\.shape)
    guard let rank = c.data.map({ shapes[$0].rank }).min() else { return }
    for fromEnd in 1...max(rank, 1) where fromEnd <= rank {
      // Constants along the axis are the graph's to see.
      guard
        c.known.indices.allSatisfy({
          !c.known[$0] || shapes[$0].rank < fromEnd || shapes[$0].dims.suffix(fromEnd).first! == 1
        })
      else { continue }
      var inputs = [Dependence](repeating: .nothing, count: shapes.count)
      for operand in c.data {
        inputs[operand] = .window(PositionWindow(axis: shapes[operand].rank - fromEnd, step: 12, back: 0, ahead: 0))
      }
      guard c.op.scaleAndShift.map({ rank - $0.axis != fromEnd }) ?? true,
        c.op.treatsPositionsAlike(inputs, shapes: shapes)
      else { continue }
      let found = c.op.dependence(of: inputs, shapes: shapes)
      for (output, dependence) in found.enumerated() {
        guard case .window(let window) = dependence else { continue }
        try #require(window.step % 12 == 0, "entries of the output closer than those of the input are a pattern")
        let moved = c.operands.indices.map { operand -> ConstantTensor in
          guard case .window(let own) = inputs[operand] else { return c.operands[operand] }
          return shifted(c.operands[operand], by: window.step / 12, axis: own.axis)
        }
        let (before, after) = (try c.op.evaluate(c.operands)[output], try c.op.evaluate(moved)[output])
        let room = c.data.map { 12 * (shapes[$0].dims.suffix(fromEnd).first! - 1) - window.step }.min()!
        let length = after.shape[window.axis]
        let stride = after.shape.strides[window.axis]
        for element in 0..<after.shape.count {
          let entry = element / stride % length
          guard entry + 1 < length, window.step * entry >= window.back, window.step * entry + window.ahead <= room
          else { continue }
          let (got, wanted) = (after.values[element], before.values[element + stride])
          #expect(abs(got - wanted) <= 1e-12 * max(1, abs(wanted)), "axis \(-fromEnd), entry \(entry)")
        }
      }
    }
  }

  /// Entries along an axis moved towards its start; the last ones are new.
  private func shifted(_ x: ConstantTensor, by entries: Int, axis: Int) -> ConstantTensor {
    let (stride, length) = (x.shape.strides[axis], x.shape[axis])
    let values = x.values.indices.map { element in
      element / stride % length + entries < length ? x.values[element + entries * stride] : 0.3217
    }
    return ConstantTensor(shape: x.shape, kind: x.kind, values: values)
  }

  @Test("an elementwise operator reads one element for each of its own", arguments: cases.filter(\.op.isElementwise))
  func elementwise(_ c: OperatorCase) throws {
    let before = try c.op.evaluate(c.operands)
    #expect(c.data.count == 1 && before.count == 1 && before[0].shape == c.operands[c.data[0]].shape)
    for element in before[0].values.indices {
      var values = c.operands[c.data[0]].values
      values[element] = 1.3125
      let after = try c.evaluate(c.data[0], ConstantTensor(shape: before[0].shape, values: values))[0].values
      #expect(after.indices.allSatisfy { $0 == element || after[$0] == before[0].values[$0] })
    }
  }

  @Test("a scale, a shift or ReLU taken into an operator gives what they give after it", arguments: cases)
  func folded(_ c: OperatorCase) throws {
    let y = try c.op.evaluate(c.operands)[0]
    if let fused = c.op.followedByRelu() {
      let wanted = y.values.map { max($0, 0) }
      #expect(largest(zip(try fused.evaluate(c.operands)[0].values, wanted).map { $0 - $1 }) <= 1e-12)
    }
    let channels = y.shape.dims.last ?? 1
    var random = SplitMix64(seed: 5)
    let (scale, shift) = (
      random.floats(count: channels).map(Double.init), random.floats(count: channels).map(Double.init)
    )
    if let scaled = c.op.followed(byScale: scale, shift: shift) {
      let wanted = y.values.enumerated().map { scale[$0 % channels] * $1 + shift[$0 % channels] }
      #expect(
        largest(zip(try scaled.evaluate(c.operands)[0].values, wanted).map { $0 - $1 }) <= 1e-12 * largest(wanted))
    }
    if let found = c.op.scaleAndShift {
      let x = c.operands[c.data[0]]
      let inner = x.shape.strides[found.axis]
      let wanted = x.values.enumerated().map { index, x in
        let channel = index / inner % found.scale.count
        return found.scale[channel] * x + found.shift[channel]
      }
      #expect(y.values == wanted)
    }
  }

  /// Layouts of whole values, as difference propagation lays out what it cannot keep by position.
  private static func wholeLayout(_ shape: Shape) -> DifferenceLayout {
    let rows = shape.rank == 3 && shape[0] == 1 ? shape[1] : 1
    return .full(rows: rows, rowSize: rows == 0 ? 0 : shape.count / rows)
  }

  /// Rules are for one sequence; only what takes element by element does not see how many there are.
  private static let differenceCases = cases.filter { c in
    guard c.op.isElementwise || c.data.allSatisfy({ c.operands[$0].shape.dims.first == 1 }),
      let shapes = try? c.op.outputShapes(for: c.operands.map(\.shape)), shapes.count == 1,
      let rule = try? c.compiled() as? any DifferenceOperator
    else { return false }
    return rule.hasDifferenceRule(
      inputs: c.operands.indices.map { c.known[$0] ? nil : wholeLayout(c.operands[$0].shape) },
      output: wholeLayout(shapes[0]))
  }

  @Test("a difference rule gives the change of the plain meaning, small or large", arguments: differenceCases)
  func difference(_ c: OperatorCase) throws {
    #expect(Self.differenceCases.count >= 25)
    let run = try OperatorRun(c)
    let before = try c.op.evaluate(c.operands)[0].values
    var random = SplitMix64(seed: 0xD1F)
    for size in [1e-5, 1e-2, 1] as [Float] {
      // Half of the elements stay as they are.
      let changes = c.operands.indices.map { operand in
        random.floats(count: c.operands[operand].shape.count).map { c.known[operand] || $0 < 0 ? 0 : $0 * size }
      }
      let edited = zip(c.operands, changes).map { operand, change in
        ConstantTensor(shape: operand.shape, values: zip(operand.values, change).map { $0 + Double($1) })
      }
      let wanted = zip(try c.op.evaluate(edited)[0].values, before).map { $0 - $1 }
      let got = run.difference(changes, known: c.known, layout: Self.wholeLayout)
      // What float64 itself loses in the subtraction.
      let noise = 1e-15 * max(1, largest(before))
      #expect(distance(got, wanted) <= 2e-6 * largest(wanted) + noise, "changes of \(size)")
    }
  }

  /// The table cannot fall behind the sources.
  @Test("every operator that runs on data is in the table")
  func complete() throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Operators")
    let files = try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil)
    var declared: Set<String> = []
    for file in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /struct (\w+): NetworkOperator/) { declared.insert(String(match.1)) }
    }
    #expect(declared.count >= 20)
    let tried = Set(OperatorTable.cases.map { "\(type(of: $0.op))" })
    #expect(declared.subtracting(tried).isEmpty)
  }

  // MARK: Helpers

  private func permutations(of count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    return permutations(of: count - 1).flatMap { shorter in
      (0...shorter.count).map { place in
        var longer = shorter
        longer.insert(count - 1, at: place)
        return longer
      }
    }
  }

  /// The operand with every entry along the window's axis changed that reads `position`.
  private func changed(_ x: ConstantTensor, at position: Int, _ window: PositionWindow) -> ConstantTensor {
    let (length, inner) = (x.shape[window.axis], x.shape.strides[window.axis])
    let values = x.values.enumerated().map { index, value in
      let entry = index / inner % length
      let reads = position >= window.step * entry - window.back && position <= window.step * entry + window.ahead
      return reads ? value * 1.25 + 0.375 : value
    }
    return ConstantTensor(shape: x.shape, values: values)
  }

  /// Entries along an axis in which two tensors differ.
  private func changedEntries(_ a: ConstantTensor, _ b: ConstantTensor, axis: Int) -> Set<Int> {
    let (length, inner) = (a.shape[axis], a.shape.strides[axis])
    let differing = zip(a.values, b.values).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
    return Set(differing.map { $0 / inner % length })
  }
}
