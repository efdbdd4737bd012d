import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

/// What every operator keeps that computes some rows of its result alone.
@Suite("Laws of operators that slide over rows")
struct SlidingLawTests {
  private static let cases = OperatorTable.cases.filter { c in
    (try? OperatorRun(c))?.sliding(known: c.known) != nil
  }

  @Test("most operators on rows of channels slide")
  func coverage() {
    #expect(
      Set(Self.cases.map(\.op.kind)).isSuperset(of: [
        "Conv", "MaxPool", "AveragePool", "Gemm", "Add", "Slice", "Concat",
      ]))
    #expect(Set(Self.cases.map(\.op.kind)).isSuperset(of: ["Relu", "BatchNormalization", "Mul", "Conv+Relu"]))
  }

  @Test("rows computed alone have the bits of a full pass", arguments: cases)
  func forward(_ c: OperatorCase) throws {
    let run = try OperatorRun(c)
    var random = SplitMix64(seed: 4)
    for precisely in [false, true] {
      let whole = run.forward(precisely: precisely)[0]
      for _ in 0..<6 {
        let rows = Self.range(run.outputShapes[0][1], &random)
        for sequence in 0..<run.outputShapes[0][0] {
          let own = run.forward(rows, of: sequence, known: c.known, precisely: precisely)
          let first = (sequence * run.outputShapes[0][1] + rows.lowerBound) * run.outputShapes[0][2]
          #expect(own.map(\.bitPattern) == whole[first..<first + own.count].map(\.bitPattern), "rows \(rows)")
        }
      }
    }
  }

  @Test("gradients of rows alone have the bits of a full pass", arguments: cases)
  func backward(_ c: OperatorCase) throws {
    let run = try OperatorRun(c)
    var random = SplitMix64(seed: 5)
    let seeds = random.floats(count: run.outputShapes[0].count)
    for start in [nil, Float(3)] {
      let whole = run.backward([seeds], wanted: c.data, start: start)
      for _ in 0..<6 {
        let wanted = c.data.map { Self.range(run.inputShapes[$0][1], &random) }
        for sequence in 0..<run.outputShapes[0][0] {
          guard let own = run.backward(seeds, of: sequence, rows: wanted, data: c.data, start: start) else { continue }
          for (operand, (rows, gradient)) in zip(c.data, zip(wanted, own)) {
            let shape = run.inputShapes[operand]
            let first = (sequence * shape[1] + rows.lowerBound) * shape[2]
            #expect(
              gradient.map(\.bitPattern) == whole[operand]![first..<first + gradient.count].map(\.bitPattern),
              "operand \(operand), rows \(rows)")
          }
        }
      }
    }
  }

  private static func range(_ count: Int, _ random: inout SplitMix64) -> Range<Int> {
    let first = Int.random(in: 0..<count, using: &random)
    return first..<Int.random(in: first + 1...count, using: &random)
  }
}

extension OperatorRun {
  /// The operator when it slides over these operands.
  func sliding(known: [Bool]) -> (any SlidingOperator)? {
    guard let op = compiled as? any SlidingOperator, outputShapes.count == 1, outputShapes[0].rank == 3,
      inputShapes.indices.allSatisfy({ known[$0] || inputShapes[$0].rank == 3 }), known.contains(false),
      op.slides(inputs: inputShapes.indices.map { known[$0] ? nil : inputShapes[$0] }, output: outputShapes[0])
    else { return nil }
    return op
  }

  fileprivate func forward(_ rows: Range<Int>, of sequence: Int, known: [Bool], precisely: Bool) -> [Float] {
    let channels = outputShapes[0][2]
    let memory = Memory(inputs + [[Float](repeating: .nan, count: rows.count * channels)])
    sliding(known: known)!.forward(
      RowsCall(
        inputs: inputShapes.indices.map { index in
          let shape = inputShapes[index]
          return known[index]
            ? RowsCall.Input(rows: 0..<0, base: memory[index])
            : RowsCall.Input(rows: 0..<shape[1], base: memory[index] + sequence * shape[1] * shape[2])
        }, rows: rows, channels: channels, output: memory[inputs.count], precisely: precisely))
    return memory.floats(inputs.count)
  }

  /// Gradients of rows of the data operands; there is none of the result but where it reads them. `nil` where nothing does.
  fileprivate func backward(_ gradient: [Float], of sequence: Int, rows: [Range<Int>], data: [Int], start: Float?)
    -> [[Float]]?
  {
    let op = sliding(known: inputShapes.indices.map { !data.contains($0) })!
    let output = outputShapes[0]
    let readers = (0..<output[1]).filter { row in
      rows.contains { op.rowsRead(by: row..<row + 1).overlaps($0) }
    }
    guard let low = readers.first, let high = readers.last else { return nil }
    var known = [Float](repeating: .nan, count: output[1] * output[2])
    let first = sequence * known.count
    for index in low * output[2]..<(high + 1) * output[2] { known[index] = gradient[first + index] }
    let memory = Memory(inputs + [forward()[0], known, [Float](repeating: .nan, count: compiled.scratchCount)])
    let targets = Memory(inputShapes.map { [Float](repeating: start ?? .nan, count: $0.count) })
    op.backward(
      RowsBackwardCall(
        inputs: inputShapes.indices.map { index in
          let shape = inputShapes[index]
          return UnsafePointer(memory[index] + (data.contains(index) ? sequence * shape[1] * shape[2] : 0))
        }, output: UnsafePointer(memory[inputs.count] + first), outputGradient: memory[inputs.count + 1],
        rows: low..<high + 1, channels: output[2],
        inputGradients: inputShapes.indices.map { index in
          data.firstIndex(of: index).map {
            RowsBackwardCall.Target(
              base: targets[index] + sequence * inputShapes[index][1] * inputShapes[index][2], rows: rows[$0],
              adds: start != nil)
          }
        }, scratch: memory[inputs.count + 2]))
    return zip(data, rows).map { operand, rows in
      let shape = inputShapes[operand]
      let first = (sequence * shape[1] + rows.lowerBound) * shape[2]
      return Array(targets.floats(operand)[first..<first + rows.count * shape[2]])
    }
  }
}
