internal import NetworkGraph
internal import Tensors

/// A change of one column of the one-hot input, or of several neighbouring ones.
public struct InputEdit: Sendable {
  /// Position of the (first) column in the sequence, 0-based.
  public let position: Int
  /// What is added to the four rows A C G T: +1 and -1 for a substitution.
  public let change: SIMD4<Float>
  /// The same for the columns behind it; fewer than the program's `editWidth`.
  public let following: [SIMD4<Float>]

  public init(position: Int, change: SIMD4<Float>, following: [SIMD4<Float>] = []) {
    self.position = position
    self.change = change
    self.following = following
  }
}

/// The memory of one task that propagates differences: `setReference` once a sequence, then any number of edits.
public struct DifferenceSession: ~Copyable {
  public let program: DifferenceProgram
  private var reference: Session
  private let arena: FloatScratch
  /// What the rules keep of the reference, each step's at its offset.
  private let states: FloatScratch
  private let stateOffsets: [Int]
  /// False until the rules have been prepared for the reference.
  private var isPrepared = false
  /// What the rules may overwrite.
  private let scratch: FloatScratch
  /// Offset of each value's block of differences in the arena.
  private let offsets: [Int]
  /// The distinct layouts; the first kept row of edit `e` under layout `l` is at `l * batch + e` of `starts`.
  private let distinct: [DifferenceLayout]
  private let starts: IndexScratch
  /// Where inputs are laid out whole for rules that know no other layout, and the row 0 at which their rows start.
  private let wide: FloatScratch
  private let wideStarts: IndexScratch
  /// Edits of the batch that a rule wants evaluated by a full pass.
  private let doubts: IndexScratch
  /// Runs those, made when first needed.
  private var passes: Session?
  /// Reference results in float64 of steps that are recomputed, made when first needed.
  private var recomputedReferences: [Int: [ConstantTensor]] = [:]

  public init(_ program: DifferenceProgram) {
    self.program = program
    reference = Session(program.program, for: .reference)
    let steps = program.program.steps
    var buffers: [MemoryPlan.Buffer] = []
    var index: [Graph.ValueID: Int] = [:]
    func live(_ value: Graph.ValueID, at time: Int) {
      guard let layout = program.layouts[value] else { return }
      if let known = index[value] {
        buffers[known].death = max(buffers[known].death, time)
      } else {
        index[value] = buffers.count
        buffers.append(
          .init(value: value, isGradient: false, count: layout.count * program.batch, birth: time, death: time))
      }
    }
    live(program.graph.input, at: 0)
    for (time, step) in steps.enumerated() { for value in step.inputs + step.outputs { live(value, at: time) } }
    for value in program.graph.outputs { live(value, at: steps.count) }
    let placement = MemoryPlan.place(buffers)
    var offsets = [Int](repeating: 0, count: program.graph.values.count)
    for (value, buffer) in index { offsets[value] = placement.offsets[buffer] }
    self.offsets = offsets
    arena = FloatScratch(count: placement.count)
    let rules = steps.indices.map { program.rule(of: $0) }
    stateOffsets = rules.reduce(into: [0]) { offsets, rule in
      // Each state begins on a vector.
      offsets.append(offsets.last! + (rule.map { ($0.differenceStateCount + 15) / 16 * 16 } ?? 0))
    }
    states = FloatScratch(count: stateOffsets.last!)
    scratch = FloatScratch(count: rules.map { $0?.differenceScratchCount ?? 0 }.max() ?? 0)
    distinct = Array(Set(program.layouts.compactMap { $0 }))
    starts = IndexScratch(count: distinct.count * program.batch)
    wide = FloatScratch(count: program.widenedCount)
    wideStarts = IndexScratch(count: program.batch)
    doubts = IndexScratch(count: program.batch)
    for edit in 0..<program.batch { wideStarts.pointer[edit] = 0 }
  }

  /// Runs the reference pass on the sequence that `fill` writes (zeroed, row-major `[1, length, 4]`).
  public mutating func setReference(_ fill: (UnsafeMutableBufferPointer<Float>) -> Void) {
    reference.forward(fill)
    recomputedReferences.removeAll(keepingCapacity: true)
    isPrepared = false
  }

  /// Runs the reference pass on a window of a stretch; its trunk is that of the program's ``DifferenceProgram/program``.
  public mutating func setReference(sharing stretch: TrunkStretch, at offset: Int) {
    reference.forward(sharing: stretch, at: [offset])
    recomputedReferences.removeAll(keepingCapacity: true)
    isPrepared = false
  }

  /// The elements of output `index` at the reference.
  public func withReferenceOutput<R>(_ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try reference.withOutput(index, body)
  }

  /// Propagates edits, a batch at a time, and hands over what they change.
  ///
  /// - Parameters:
  ///   - edits: each by itself against the reference; neighbours in position next to each other run fastest. The result
  ///     of an edit does not depend on the others.
  ///   - body: called once an edit, in order, with its index and the changes it makes.
  public mutating func propagate(_ edits: [InputEdit], _ body: (_ edit: Int, _ changes: OutputChanges) -> Void) {
    prepare()
    for first in stride(from: 0, to: edits.count, by: program.batch) {
      let batch = edits[first..<min(edits.count, first + program.batch)]
      for (number, layout) in distinct.enumerated() {
        for (index, edit) in batch.enumerated() {
          starts.pointer[number * program.batch + index] = layout.start(for: edit.position)
        }
      }
      let blocks = blocks(count: batch.count)
      let input = blocks[program.graph.input]!
      for (index, edit) in batch.enumerated() {
        let row = input.rows(of: index)
        precondition(edit.following.count < program.editWidth, "an edit wider than the program was compiled for")
        // The input keeps one row a column of the edit, or all of them when the sequence is no longer than that.
        row.update(repeating: 0, count: input.layout.count)
        let at = (edit.position - input.starts[index]) * 4
        for base in 0..<4 { row[at + base] = edit.change[base] }
        for (column, change) in edit.following.enumerated() {
          for base in 0..<4 { row[at + (column + 1) * 4 + base] = change[base] }
        }
      }
      for edit in 0..<batch.count { doubts.pointer[edit] = 0 }
      for index in program.program.steps.indices { run(index, blocks) }
      for (index, edit) in batch.enumerated() where doubts.pointer[index] != 0 { evaluate(edit, index, blocks) }
      for index in batch.indices {
        body(index, OutputChanges(graph: program.graph, blocks: blocks, edit: index - first))
      }
    }
  }

  /// The block of every value for a batch of `count` edits.
  private func blocks(count: Int) -> [DifferenceBlock?] {
    var first: [DifferenceLayout: UnsafePointer<Int>] = [:]
    for (number, layout) in distinct.enumerated() {
      first[layout] = UnsafePointer(starts.pointer + number * program.batch)
    }
    return program.layouts.enumerated().map { value, layout in
      layout.map {
        DifferenceBlock(layout: $0, edits: count, starts: first[$0]!, base: arena.pointer + offsets[value])
      }
    }
  }

  private mutating func prepare() {
    guard !isPrepared else { return }
    isPrepared = true
    for (index, step) in program.program.steps.enumerated() {
      guard let rule = program.rule(of: index), rule.differenceStateCount > 0 else { continue }
      rule.prepareDifferences(
        inputs: step.inputs.map { reference.view(of: $0) }, output: reference.view(of: step.outputs[0]),
        state: states.pointer + stateOffsets[index],
        scratch: scratch.pointer)
    }
  }

  private mutating func run(_ index: Int, _ blocks: [DifferenceBlock?]) {
    let step = program.program.steps[index]
    guard let rule = program.rule(of: index) else {
      recompute(index, blocks)
      return
    }
    rule.difference(
      DifferenceCall(
        inputs: program.routes[index] == .widened ? widened(index, blocks) : step.inputs.map { blocks[$0] },
        output: blocks[step.outputs[0]]!,
        inputReferences: step.inputs.map { reference.view(of: $0) },
        outputReference: reference.view(of: step.outputs[0]),
        state: UnsafePointer(states.pointer + stateOffsets[index]), scratch: scratch.pointer, doubts: doubts.pointer))
  }

  /// The inputs of a step with all of their rows.
  private func widened(_ index: Int, _ blocks: [DifferenceBlock?]) -> [DifferenceBlock?] {
    var next = wide.pointer
    return zip(program.program.steps[index].inputs, program.inputLayouts(of: index)).map { value, layout in
      guard let block = blocks[value], let layout, block.layout != layout else { return blocks[value] }
      let whole = DifferenceBlock(
        layout: layout, edits: block.edits, starts: UnsafePointer(wideStarts.pointer),
        base: block.layout.isWhole ? block.base : next)
      if block.layout.isWhole { return whole }
      next += block.edits * layout.count
      let size = block.layout.rowSize
      for edit in 0..<block.edits {
        let (inside, rows) = (block.inside(edit), whole.rows(of: edit))
        rows.update(repeating: 0, count: layout.count)
        (rows + (block.starts[edit] + inside.lowerBound) * size).update(
          from: block.rows(of: edit) + inside.lowerBound * size, count: inside.count * size)
      }
      return whole
    }
  }

  /// Replaces what the rules found of an edit by a full pass over the edited sequence, minus the reference.
  private mutating func evaluate(_ edit: InputEdit, _ index: Int, _ blocks: [DifferenceBlock?]) {
    var session = passes.take() ?? Session(program.program, for: .reference)
    let sequence = reference.view(of: program.graph.input).elements
    session.forward { buffer in
      _ = buffer.update(from: sequence)
      for (column, change) in ([edit.change] + edit.following).enumerated() {
        for base in 0..<4 { buffer[(edit.position + column) * 4 + base] += change[base] }
      }
    }
    for value in Set(program.graph.outputs) {
      guard let block = blocks[value] else { continue }
      let (inside, size) = (block.inside(index), block.layout.rowSize)
      let first = (block.starts[index] + inside.lowerBound) * size
      let (old, new) = (reference.view(of: value).base + first, session.view(of: value).base + first)
      let rows = block.rows(of: index) + inside.lowerBound * size
      for offset in 0..<inside.count * size { rows[offset] = Float(Double(new[offset]) - Double(old[offset])) }
    }
    passes = consume session
  }

  /// The plain way for an operator without a rule: float64 on reference plus difference, minus the same on the reference.
  private mutating func recompute(_ index: Int, _ blocks: [DifferenceBlock?]) {
    let step = program.program.steps[index]
    let op = program.graph.nodes[index].op
    let references = step.inputs.map { value in
      program.graph.values[value].constant
        ?? ConstantTensor(shape: program.graph.values[value].shape, floats: Array(reference.view(of: value).elements))
    }
    if recomputedReferences[index] == nil { recomputedReferences[index] = try? op.evaluate(references) }
    guard let old = recomputedReferences[index] else {
      preconditionFailure("\(op.kind) ran forward but cannot be evaluated")
    }
    let count = blocks[step.outputs[0]]!.edits
    for edit in 0..<count {
      let changed = zip(step.inputs, references).map { value, tensor -> ConstantTensor in
        guard let block = blocks[value] else { return tensor }
        var values = tensor.values
        let size = block.layout.rowSize
        let inside = block.inside(edit)
        let first = (block.starts[edit] + inside.lowerBound) * size
        let rows = block.rows(of: edit) + inside.lowerBound * size
        for offset in 0..<inside.count * size { values[first + offset] += Double(rows[offset]) }
        return ConstantTensor(shape: tensor.shape, values: values)
      }
      guard let new = try? op.evaluate(changed) else { preconditionFailure("\(op.kind) cannot be evaluated") }
      for (output, value) in step.outputs.enumerated() {
        let block = blocks[value]!
        let (a, b) = (new[output].values, old[output].values)
        let size = block.layout.rowSize
        let inside = block.inside(edit)
        let first = (block.starts[edit] + inside.lowerBound) * size
        let rows = block.rows(of: edit) + inside.lowerBound * size
        for offset in 0..<inside.count * size { rows[offset] = Float(a[first + offset] - b[first + offset]) }
      }
    }
    for value in step.outputs { blocks[value]!.clearOutside() }
  }
}

/// What one edit changes in the outputs of a model. Valid during the call that hands it over.
public struct OutputChanges {
  let graph: Graph
  let blocks: [DifferenceBlock?]
  let edit: Int

  /// The changed stretch of output `index`: its first flat element (without the batch axis) and the change of each element
  /// from there. Everything outside is unchanged.
  public func changes(ofOutput index: Int) -> (first: Int, values: UnsafeBufferPointer<Float>) {
    guard let block = blocks[graph.outputs[index]] else { return (0, UnsafeBufferPointer(start: nil, count: 0)) }
    let inside = block.inside(edit)
    let size = block.layout.rowSize
    return (
      (block.starts[edit] + inside.lowerBound) * size,
      UnsafeBufferPointer(start: block.rows(of: edit) + inside.lowerBound * size, count: inside.count * size)
    )
  }
}
