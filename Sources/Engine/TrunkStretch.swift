internal import NetworkGraph
internal import Tensors

/// The shared rows of a ``SharedTrunk`` along a stretch of sequence, which grows at its end and is given up at its start.
/// Owned by one task.
public final class TrunkStretch {
  /// The rows of one value at one phase: row `r` is that of a window which starts at the phase.
  private struct Phase {
    let offset: Int
    /// Held now; from the first clean row on.
    var rows: Range<Int>
  }

  public let trunk: SharedTrunk
  /// Bases held.
  public private(set) var count = 0
  private let memory: FloatScratch
  /// By value, then by phase.
  private var phases: [[Phase]] = []

  public init(_ trunk: SharedTrunk) {
    self.trunk = trunk
    var total = 0
    for value in trunk.values {
      let none = value.clean.lowerBound..<value.clean.lowerBound
      phases.append(
        (0..<value.phases).map { phase in
          Phase(offset: total + phase * Self.floats(value, trunk.capacity), rows: none)
        })
      total += value.phases * Self.floats(value, trunk.capacity)
    }
    memory = FloatScratch(count: total)
  }

  /// Whole cache lines, with a vector of slack.
  static func floats(_ value: SharedTrunk.Value, _ capacity: Int) -> Int {
    ((capacity / value.step + 1) * value.channels + 31) / 16 * 16
  }

  /// Gives up the first bases.
  /// - Parameter bases: a multiple of the trunk's period, at most those held; all of them to begin anew.
  public func drop(_ bases: Int) {
    precondition(bases == count || bases % trunk.period == 0, "\(bases) bases would change the phases")
    for (index, value) in trunk.values.enumerated() {
      for phase in phases[index].indices {
        let rows = phases[index][phase].rows
        let kept = bases == count ? 0 : max(0, rows.count - bases / value.step)
        let base = memory.pointer + phases[index][phase].offset
        if kept > 0 { base.update(from: base + bases / value.step * value.channels, count: kept * value.channels) }
        phases[index][phase].rows = rows.lowerBound..<rows.lowerBound + kept
      }
    }
    count -= bases
  }

  /// Appends bases and computes every row that they complete.
  /// - Parameter fill: writes the one-hot rows of the new bases into zeros, row-major `[bases, 4]`.
  public func extend(by bases: Int, _ fill: (UnsafeMutableBufferPointer<Float>) -> Void) {
    precondition(count + bases <= trunk.capacity, "a stretch of \(count + bases) bases")
    let input = UnsafeMutableBufferPointer(
      start: memory.pointer + phases[0][0].offset + count * 4, count: bases * 4)
    input.update(repeating: 0)
    fill(input)
    count += bases
    phases[0][0].rows = 0..<count
    for step in trunk.steps {
      for phase in phases[step.output].indices { extend(step, phase) }
    }
  }

  private func extend(_ step: SharedTrunk.Step, _ phase: Int) {
    let value = trunk.values[step.output]
    let held = phases[step.output][phase].rows
    let inputs = zip(step.inputs, trunk.program.steps[step.index].inputs).map { input, id -> RowsCall.Input in
      guard let input else { return RowsCall.Input(rows: 0..<0, base: trunk.program.constants[id]!.pointer) }
      // A window at this phase begins some rows into the input's phase.
      let start = phase * value.phaseStep
      let (shift, own) = start.quotientAndRemainder(dividingBy: trunk.values[input].step)
      let source = phases[input][own / trunk.values[input].phaseStep]
      return RowsCall.Input(
        rows: source.rows.lowerBound - shift..<source.rows.upperBound - shift, base: memory.pointer + source.offset)
    }
    let available = zip(step.inputs, inputs).compactMap { $0 == nil ? nil : $1.rows.upperBound }.min()!
    let room = available - step.op.rowsRead(by: held.upperBound..<held.upperBound + 1).upperBound
    guard room >= 0 else { return }
    let end = held.upperBound + room / step.op.rowStride + 1
    step.op.forward(
      RowsCall(
        inputs: inputs, rows: held.upperBound..<end, channels: value.channels,
        output: memory.pointer + phases[step.output][phase].offset + held.count * value.channels,
        precisely: trunk.purpose == .reference))
    phases[step.output][phase].rows = held.lowerBound..<end
  }

  /// The first clean row of a value, of the window that starts `offset` bases into the stretch.
  func firstCleanRow(of value: Int, at offset: Int) -> UnsafePointer<Float> {
    let described = trunk.values[value]
    let (row, start) = offset.quotientAndRemainder(dividingBy: described.step)
    let phase = phases[value][start / described.phaseStep]
    return UnsafePointer(memory.pointer + phase.offset + row * described.channels)
  }
}
