internal import NetworkGraph
internal import Tensors

/// The part of a network that windows on one sequence share when their starts are a fixed step apart.
///
/// Behind convolutions, poolings and elementwise operators a row that reads no padding depends on nothing but the bases that
/// it reads: it is computed once for all windows that hold them at the same phase of its stride, and the rows within reach
/// of a window's ends once a window. Every row is the same chain of operations either way (docs/numerics.md), so that
/// windows get the same bits.
public struct SharedTrunk: Sendable {
  /// A value of the trunk.
  struct Value: Sendable {
    let id: Graph.ValueID
    /// Of a window.
    let rows: Int
    let channels: Int
    /// Positions of the sequence from one row to the next.
    let step: Int
    /// Rows of a window that depend on its bases alone, not on where it ends.
    let clean: Range<Int>
    /// Window starts, counted from the first one, fall on multiples of this among 0 ..< `step`.
    let phaseStep: Int
    /// Clean rows that a window needs a copy of.
    var copied: [Range<Int>] = []

    var phases: Int { step / phaseStep }
    /// Rows of a window that are its own.
    var own: [Range<Int>] { [0..<clean.lowerBound, clean.upperBound..<rows].filter { !$0.isEmpty } }
  }

  /// A step of the program whose result is shared.
  struct Step: Sendable {
    /// In the program.
    let index: Int
    let op: any SlidingOperator
    /// Each operand among the values, `nil` for constants.
    let inputs: [Int?]
    /// The result among the values.
    let output: Int
  }

  let program: Program
  let purpose: SessionPurpose
  /// The input first.
  private(set) var values: [Value]
  private(set) var steps: [Step] = []
  /// Bases from one window to the next.
  public let step: Int
  /// Bases that a stretch may hold at once.
  public let capacity: Int
  /// Positions after which all phases come round again.
  public let period: Int
  /// Multiply-adds of one window by itself.
  public let multiplyAddsAlone: Int
  /// Multiply-adds that are left to each window, copying included.
  public private(set) var multiplyAddsPerWindow = 0
  /// Multiply-adds of the shared rows for each base of the sequence.
  public private(set) var multiplyAddsPerBase = 0.0

  /// Floats that a stretch should take and may take at most, and bases that it should grow by at once.
  private static let (memory, mostMemory, growth) = (1 << 22, 1 << 25, 4_096)
  /// Multiply-adds in a kernel that take about the time of copying a float.
  private static let copying = 16

  /// - Returns: `nil` when windows at this step share nothing that would save operations, or what they share takes more
  ///   than 128 MiB.
  public init?(_ program: Program, step: Int, for purpose: SessionPurpose) {
    let graph = program.graph
    let length = graph.length
    guard step < length else { return nil }
    var values = [Value(id: graph.input, rows: length, channels: 4, step: 1, clean: 0..<length, phaseStep: 1)]
    var known = [graph.input: 0]
    for (index, candidate) in program.steps.enumerated() {
      guard let op = candidate.op as? any SlidingOperator, candidate.outputs.count == 1 else { continue }
      let inputs = candidate.inputs.map { program.constants[$0] == nil ? known[$0] : nil }
      let data = inputs.compactMap { $0 }
      let shape = graph.values[candidate.outputs[0]].shape
      guard let first = data.first,
        zip(candidate.inputs, inputs).allSatisfy({ $1 != nil || program.constants[$0] != nil }),
        data.allSatisfy({ values[$0].step == values[first].step }), shape.rank == 3, shape[0] == graph.batch,
        op.slides(
          inputs: zip(candidate.inputs, inputs).map { $1 == nil ? nil : graph.values[$0].shape }, output: shape)
      else { continue }
      let clean = (0..<shape[1]).filter { row in
        let read = op.rowsRead(by: row..<row + 1)
        return data.allSatisfy { read.clamped(to: values[$0].clean) == read }
      }
      let rowStep = values[first].step * op.rowStride
      let phaseStep = Self.divisor(step, rowStep)
      // Rows computed for each window: where they are not fewer than those saved, all that follows saves nothing either.
      guard let low = clean.first, clean.count > step / phaseStep else { continue }
      known[candidate.outputs[0]] = values.count
      steps.append(Step(index: index, op: op, inputs: inputs, output: values.count))
      values.append(
        Value(
          id: candidate.outputs[0], rows: shape[1], channels: shape[2], step: rowStep, clean: low..<low + clean.count,
          phaseStep: phaseStep))
    }
    guard !steps.isEmpty else { return nil }
    self.values = values
    self.program = program
    self.step = step
    self.purpose = purpose
    period = values.reduce(1) { $0 / Self.divisor($0, $1.step) * $1.step }
    let floatsPerBase = values.reduce(0.0) { $0 + Double($1.channels * $1.phases) / Double($1.step) }
    let growth = max(graph.batch * step, min(Self.growth, Int(Double(Self.memory) / floatsPerBase) - length))
    capacity = length + growth + period
    guard Double(capacity) * floatsPerBase <= Double(Self.mostMemory) else { return nil }

    multiplyAddsAlone = program.multiplyAdds / graph.batch
    for index in values.indices { self.values[index].copied = copied(index) }
    (multiplyAddsPerWindow, multiplyAddsPerBase) = cost()
  }

  private static func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }

  /// The clean rows of a value that a window itself reads: all of them where an operator outside the trunk does, or where
  /// the pass is kept for gradients or differences.
  private func copied(_ value: Int) -> [Range<Int>] {
    let (id, clean) = (values[value].id, values[value].clean)
    let trunk = Set(steps.map(\.index))
    let leaves = program.steps.indices.contains { !trunk.contains($0) && program.steps[$0].inputs.contains(id) }
    if purpose != .prediction || leaves || program.graph.outputs.contains(id) { return [clean] }
    var ranges: [Range<Int>] = []
    for step in steps where step.inputs.contains(value) {
      ranges += values[step.output].own.map { step.op.rowsRead(by: $0).clamped(to: clean) }
    }
    // Overlapping parts are copied once.
    return ranges.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, range in
      if let last = merged.last, range.lowerBound <= last.upperBound {
        merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
  }

  private func cost() -> (perWindow: Int, perBase: Double) {
    var (saved, perBase) = (0.0, 0.0)
    for step in steps {
      let value = values[step.output]
      let row = Double(step.op.multiplyAdds) / Double(program.graph.batch * value.rows)
      saved += row * Double(value.clean.count)
      perBase += row * Double(value.phases) / Double(value.step)
    }
    let moved = values.reduce(0) { sum, value in sum + value.channels * value.copied.reduce(0) { $0 + $1.count } }
    return (multiplyAddsAlone - Int(saved) + Self.copying * moved, perBase)
  }

  /// Bytes of a stretch.
  public var bytes: Int {
    values.reduce(0) { $0 + $1.phases * TrunkStretch.floats($1, capacity) } * MemoryLayout<Float>.stride
  }

  /// Multiply-adds of a window in a long row of them.
  public var multiplyAddsShared: Int { multiplyAddsPerWindow + Int(multiplyAddsPerBase * Double(step)) }

  /// Whether sharing costs less for a row of `count` windows with nobody to share with on either side.
  public func pays(forWindows count: Int) -> Bool {
    let bases = Double(program.graph.length + (count - 1) * step)
    return multiplyAddsPerBase * bases + Double(count * multiplyAddsPerWindow) < Double(count * multiplyAddsAlone)
  }
}
