import Foundation
import Kernels
import TestSupport
import Testing

/// One step of the changes of LSTM and GRU states, against float64.
@Suite("Recurrent kernels")
struct RecurrentKernelTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let units: Int
    /// Sums of the gates lie within this; at 200 most gates are shut or open beyond what a float tells.
    let reach: Float
    let change: Float
    let hasInput: Bool
    var testDescription: String { "\(units) units, sums \(reach), changes \(change)\(hasInput ? ", input" : "")" }
  }

  static let cases: [Case] = [1, 7, 16, 37].flatMap { units in
    [(3, 0.01), (3, 4), (200, 0.01), (200, 250)].flatMap { (reach: Float, change: Float) in
      [false, true].map { Case(units: units, reach: reach, change: change, hasInput: $0) }
    }
  }

  static let rows = 5

  /// The memory of a step, the sums of its gates drawn at random and everything else as the layers make it.
  struct Memory {
    let isLSTM: Bool
    let resetAfter: Bool
    let c: Case
    var trace, sides, hidden, cell, input, product, hiddenChange, cellChange: [Float]
    var y: [Float]

    init(_ c: Case, isLSTM: Bool, resetAfter: Bool) {
      (self.c, self.isLSTM, self.resetAfter) = (c, isLSTM, resetAfter)
      var random = SplitMix64(seed: UInt64(c.units))
      let (u, gates) = (c.units, isLSTM ? 4 : 3)
      let squashed = (gates - 1) * u
      trace = random.floats(count: 10 * u).map { $0 * c.reach }
      for i in 0..<gates * u {
        let x = Double(trace[i])
        trace[gates * u + i] = Float(i < squashed ? 1 / (1 + exp(-x)) : tanh(x))
      }
      let sums = trace[..<(gates * u)] + (isLSTM ? trace[(8 * u)..<(9 * u)] : [])
      if isLSTM { for i in 0..<u { trace[9 * u + i] = Float(tanh(Double(trace[8 * u + i]))) } }
      sides = sums.enumerated().map { $0 < squashed ? $1 : 2 * $1 } + [Float](repeating: 0, count: sums.count)
      sides.withUnsafeMutableBufferPointer { KernelSet.best.fillSides($0.baseAddress!, count: sums.count) }
      (hidden, cell) = (random.floats(count: u), random.floats(count: u))
      func changes(_ count: Int) -> [Float] { random.floats(count: count).map { $0 * c.change } }
      (input, product) = (changes(rows * gates * u), changes(rows * gates * u))
      (hiddenChange, cellChange) = (changes(rows * u), changes(rows * u))
      // Nothing changes in the last row.
      for i in (rows - 1) * gates * u..<rows * gates * u { (input[i], product[i]) = (0, 0) }
      for i in (rows - 1) * u..<rows * u { (hiddenChange[i], cellChange[i]) = (0, 0) }
      y = [Float](repeating: .nan, count: rows * (u + 3))
    }

    mutating func run(_ kernels: KernelSet) {
      let parts = [trace, sides, hidden, cell, input, product, hiddenChange, cellChange, y].map { values in
        let part = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
        part.initialize(from: values, count: values.count)
        return part
      }
      defer { for part in parts { part.deallocate() } }
      let step = RecurrentStep(
        rows: rows, units: c.units, trace: parts[0], sides: parts[1], hidden: parts[2], cell: parts[3],
        input: c.hasInput ? UnsafePointer(parts[4]) : nil, product: parts[5], hiddenChange: parts[6],
        cellChange: parts[7], y: parts[8], yStride: c.units + 3, resetAfter: resetAfter)
      if isLSTM {
        kernels.lstmDifference(step)
      } else {
        kernels.gruGatesDifference(step)
        kernels.gruDifference(step)
      }
      func result(_ part: Int, _ count: Int) -> [Float] { Array(UnsafeBufferPointer(start: parts[part], count: count)) }
      hiddenChange = result(6, hiddenChange.count)
      cellChange = result(7, cellChange.count)
      y = result(8, y.count)
    }

    /// The changes of hidden and cell state of a unit, and how large what they are sums of is.
    func wanted(_ row: Int, _ u: Int) -> (hidden: Double, cell: Double, size: Double) {
      let (units, gates) = (c.units, isLSTM ? 4 : 3)
      func sum(_ gate: Int) -> Double { Double(trace[gate * units + u]) }
      func value(_ gate: Int) -> Double { Double(trace[(gates + gate) * units + u]) }
      func part(_ x: [Float], _ gate: Int) -> Float { x[(row * gates + gate) * units + u] }
      func change(_ gate: Int) -> Double { Double(part(product, gate) + (c.hasInput ? part(input, gate) : 0)) }
      func sigmoid(_ x: Double, _ d: Double) -> Double { 1 / (1 + exp(-x - d)) - 1 / (1 + exp(-x)) }
      func hyperbolic(_ x: Double, _ d: Double) -> Double { tanh(x + d) - tanh(x) }
      func times(_ a: Double, _ da: Double, _ b: Double, _ db: Double) -> Double { a * db + da * (b + db) }
      let (old, before) = (Double(hiddenChange[row * units + u]), Double(hidden[u]))
      if isLSTM {
        let (i, o, f) = (sigmoid(sum(0), change(0)), sigmoid(sum(1), change(1)), sigmoid(sum(2), change(2)))
        let (g, oldCell) = (hyperbolic(sum(3), change(3)), Double(cellChange[row * units + u]))
        let cell = times(value(2), f, Double(cell[u]), oldCell) + times(value(0), i, value(3), g)
        let (state, squashed) = (Double(trace[8 * units + u]), Double(trace[9 * units + u]))
        let hidden = times(value(1), o, squashed, hyperbolic(state, cell))
        return (hidden, cell, abs(i) + abs(o) + abs(f) + abs(g) + abs(oldCell))
      }
      let (z, r) = (sigmoid(sum(0), change(0)), sigmoid(sum(1), change(1)))
      let ofInput = c.hasInput ? Double(part(input, 2)) : 0
      let cut =
        resetAfter
        ? times(value(1), r, Double(trace[6 * units + u]), Double(part(product, 2)))
        : times(value(1), r, before, old)
      let n = hyperbolic(sum(2), cut + ofInput)
      return (n + times(value(0), z, before - value(2), old - n), 0, abs(z) + abs(cut) + abs(n) + abs(old))
    }
  }

  @Test("a step's changes are those of float64, and the same bits in every set", arguments: cases)
  func steps(_ c: Case) {
    for (isLSTM, resetAfter) in [(true, false), (false, true), (false, false)] {
      let start = Memory(c, isLSTM: isLSTM, resetAfter: resetAfter)
      var first: [UInt32]?
      for kernels in KernelSet.supported {
        var memory = start
        memory.run(kernels)
        let bits = (memory.hiddenChange + (isLSTM ? memory.cellChange : [])).map(\.bitPattern)
        #expect(first == nil || bits == first, "\(kernels)")
        first = bits
        for row in 0..<Self.rows {
          for u in 0..<c.units {
            let (got, wanted) = (memory.hiddenChange[row * c.units + u], start.wanted(row, u))
            #expect(memory.y[row * (c.units + 3) + u].bitPattern == got.bitPattern)
            #expect(abs(Double(got) - wanted.hidden) <= 2e-6 * wanted.size, "\(kernels) row \(row) unit \(u)")
            if row == Self.rows - 1 { #expect(got.bitPattern == 0, "unchanged states of no sign") }
            guard isLSTM else { continue }
            let cell = Double(memory.cellChange[row * c.units + u])
            #expect(abs(cell - wanted.cell) <= 2e-6 * wanted.size, "\(kernels) row \(row) unit \(u)")
          }
          let rest = memory.y[(row * (c.units + 3) + c.units)..<((row + 1) * (c.units + 3))]
          #expect(rest.allSatisfy { $0.isNaN })
        }
      }
    }
  }
}
