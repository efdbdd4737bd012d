internal import NetworkGraph
internal import Tensors

/// What a session is for; it decides which memory may be reused.
public enum SessionPurpose: Sendable {
  /// Forward passes only: activations share memory.
  case prediction
  /// Forward passes and gradients: activations are kept.
  case gradient
  /// The reference of difference propagation: activations are kept, sums are accumulated in float64.
  case reference
}

/// The memory of one task that runs a ``Program``. Made once, used for many windows.
public struct Session: ~Copyable {
  public let program: Program
  let purpose: SessionPurpose
  private let plan: MemoryPlan
  private let arena: FloatScratch
  /// The calls of each step, with every address settled.
  private let forwardCalls: [ForwardCall]
  /// True for each value that has a gradient in the pass under way.
  private var hasGradient: [Bool]
  /// That of the last gradient of some columns.
  private var cone: (columns: Range<Int>, cone: GradientCone)?

  public init(_ program: Program, for purpose: SessionPurpose) {
    self.program = program
    self.purpose = purpose
    let plan = MemoryPlan(program, purpose: purpose)
    let arena = FloatScratch(count: plan.count)
    let base = arena.pointer
    forwardCalls = program.steps.map { step in
      ForwardCall(
        inputs: step.inputs.map { Session.view(of: $0, program, plan, base) },
        outputs: step.outputs.map {
          MutableTensorView(shape: program.graph.values[$0].shape, base: base + plan.activations[$0]!)
        },
        scratch: base + plan.scratch)
    }
    hasGradient = Array(repeating: false, count: program.graph.values.count)
    self.plan = plan
    self.arena = arena
  }

  /// The elements of any value from the last `forward`. A session for predictions has overwritten most of them.
  func view(of value: Graph.ValueID) -> TensorView { Session.view(of: value, program, plan, arena.pointer) }

  /// Where a value lies that is no constant.
  func memory(of value: Graph.ValueID) -> UnsafeMutablePointer<Float> { arena.pointer + plan.activations[value]! }

  private static func view(
    of value: Graph.ValueID, _ program: Program, _ plan: MemoryPlan, _ base: UnsafeMutablePointer<Float>
  ) -> TensorView {
    let pointer = program.constants[value]?.pointer ?? UnsafePointer(base + plan.activations[value]!)
    return TensorView(shape: program.graph.values[value].shape, base: pointer)
  }

  /// Runs the network on the sequences that `fill` writes.
  /// - Parameter fill: gets the one-hot input, row-major `[batch, length, 4]`, zeroed; writes a 1 for each known base.
  public mutating func forward(_ fill: (UnsafeMutableBufferPointer<Float>) -> Void) {
    let input = UnsafeMutableBufferPointer(
      start: arena.pointer + plan.activations[program.graph.input]!, count: program.inputShape.count)
    input.update(repeating: 0)
    fill(input)
    for (index, step) in program.steps.enumerated() where !step.op.aliasesInput { run(index) }
  }

  /// One step of a forward pass.
  func run(_ step: Int) {
    let (op, call) = (program.steps[step].op, forwardCalls[step])
    if purpose == .reference { op.forwardPrecisely(call) } else { op.forward(call) }
  }

  /// The elements of output `index` from the last `forward`, row-major, batch axis first.
  public func withOutput<R>(_ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try body(Session.view(of: program.graph.outputs[index], program, plan, arena.pointer).elements)
  }

  /// The gradient of `sum(seed * output)` with respect to the one-hot input of the last `forward`.
  ///
  /// May be called several times after one `forward` (several targets share it).
  /// - Parameters:
  ///   - seeds: for each output that takes part, its index and one weight an element, row-major, batch axis first.
  ///   - body: gets the gradient, row-major `[batch, length, 4]`.
  public mutating func gradient<R>(
    seeds: [(output: Int, weights: [Float])], _ body: (UnsafeBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    try gradient(seeds: seeds, visiting: { _, _, _ in }, body)
  }

  /// `gradient` of some columns only, the same bits for less work.
  /// - Parameters:
  ///   - columns: positions whose gradient is wanted.
  ///   - body: gets the gradient, row-major `[batch, length, 4]`; outside `columns` it may hold anything.
  public mutating func gradient<R>(
    seeds: [(output: Int, weights: [Float])], of columns: Range<Int>,
    _ body: (UnsafeBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    if cone?.columns != columns { cone = (columns, GradientCone(program, columns: columns)) }
    return try gradient(seeds: seeds, within: cone!.cone, visiting: { _, _, _ in }, body)
  }

  /// `gradient`, handing over each step that takes part when its outputs' gradients are complete.
  mutating func gradient<R>(
    seeds: [(output: Int, weights: [Float])], within cone: GradientCone? = nil,
    visiting visit: (_ step: Int, _ forward: ForwardCall, _ outputGradients: [MutableTensorView]) -> Void,
    _ body: (UnsafeBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    precondition(purpose == .gradient, "this session was made for predictions")
    for value in hasGradient.indices { hasGradient[value] = false }
    for seed in seeds {
      let value = program.graph.outputs[seed.output]
      let shape = program.graph.values[value].shape
      precondition(seed.weights.count == shape.count, "\(seed.weights.count) weights for an output of shape \(shape)")
      guard plan.gradients[value] != nil else { continue }
      let target = target(of: value)
      for (index, weight) in seed.weights.enumerated() { target.put(index, weight) }
    }
    for index in program.steps.indices.reversed() {
      if let cone, let op = cone.operators[index] {
        backward(program.steps[index], op, cone)
        continue
      }
      let forward = forwardCalls[index]
      backward(program.steps[index], forward) { visit(index, forward, $0) }
    }

    let input = program.graph.input
    let result = UnsafeMutableBufferPointer(
      start: arena.pointer + plan.gradients[input]!, count: program.inputShape.count)
    if !hasGradient[input] { result.update(repeating: 0) }
    return try body(UnsafeBufferPointer(result))
  }

  private mutating func backward(
    _ step: Program.Step, _ forward: ForwardCall, _ visit: ([MutableTensorView]) -> Void
  ) {
    guard step.outputs.contains(where: { hasGradient[$0] }) else { return }
    let base = arena.pointer
    let outputGradients = step.outputs.map { value -> MutableTensorView in
      let view = MutableTensorView(shape: program.graph.values[value].shape, base: base + plan.gradients[value]!)
      if !hasGradient[value] { view.elements.update(repeating: 0) }
      return view
    }
    visit(outputGradients)
    let inputGradients = step.inputs.map { value -> GradientTarget? in
      plan.gradients[value] == nil ? nil : target(of: value)
    }
    step.op.backward(
      BackwardCall(
        inputs: forward.inputs, outputs: forward.outputs.map(\.readOnly), outputGradients: outputGradients,
        inputGradients: inputGradients, scratch: base + plan.scratch))
  }

  /// The rows of a cone, sequence by sequence.
  private mutating func backward(_ step: Program.Step, _ op: any SlidingOperator, _ cone: GradientCone) {
    let output = step.outputs[0]
    guard hasGradient[output] else { return }
    let (base, values) = (arena.pointer, program.graph.values)
    let targets = step.inputs.map { value in plan.gradients[value] == nil ? nil : target(of: value) }
    for sequence in 0..<program.graph.batch {
      func first(_ value: Graph.ValueID) -> Int { sequence * values[value].shape.count / program.graph.batch }
      op.backward(
        RowsBackwardCall(
          inputs: step.inputs.map { value in
            program.constants[value].map { $0.pointer }
              ?? UnsafePointer(base + plan.activations[value]! + first(value))
          },
          output: UnsafePointer(base + plan.activations[output]! + first(output)),
          outputGradient: base + plan.gradients[output]! + first(output), rows: cone.rows[output]!,
          channels: values[output].shape[2],
          inputGradients: zip(step.inputs, targets).map { value, target in
            target.map {
              RowsBackwardCall.Target(base: $0.view.base + first(value), rows: cone.rows[value]!, adds: $0.adds)
            }
          }, scratch: base + plan.scratch))
    }
  }

  /// Where the next part of a value's gradient goes; the first part overwrites.
  private mutating func target(of value: Graph.ValueID) -> GradientTarget {
    defer { hasGradient[value] = true }
    let view = MutableTensorView(
      shape: program.graph.values[value].shape, base: arena.pointer + plan.gradients[value]!)
    return GradientTarget(view: view, adds: hasGradient[value])
  }
}
