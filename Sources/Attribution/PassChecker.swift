internal import Engine
internal import Glibc
internal import NetworkGraph
internal import Tensors

/// Computes scores of one sequence again, by ways that share little with the scorers: full passes with sums in float64, and
/// slopes along ever smaller edits. Owned by one task. docs/numerics.md derives the tolerances.
final class PassChecker {
  /// How derivatives are taken.
  enum SlopeMethod: Sendable {
    /// Along edits scaled down, by the difference rules.
    case differences
    /// By the plain float64 evaluation of every operator: slow, and independent of everything else.
    case evaluation
  }

  let length: Int
  /// `nil` when the model is so large that neither way is affordable.
  let slopeMethod: SlopeMethod?
  /// Whether the ISM to be checked comes from difference propagation, or from float32 passes subtracted.
  let propagates: Bool
  private let graph: Graph
  private let batch: Int
  private let counts: [Int]
  private var passes: Session
  private var survey: KinkSession
  private var differences: DifferenceSession?
  private var codes: ArraySlice<UInt8> = []
  /// Entries of each output at the reference, from sums in float64 and from the float32 pass that TISM uses.
  private(set) var precise: [[Float]] = []
  private(set) var single: [[Float]] = []
  private var edited: (edit: Edit, outputs: [[Float]])?
  /// Root of the summed lengths of all chains of one pass: how roundings of chains add up.
  private let chains: Double

  /// Relative rounding error of one float32 operation.
  static let rounding = 0x1p-24
  /// Standard deviations allowed. Roundings of a network are no independent draws (repeats of a sequence round alike, sums
  /// cancel): the largest deviation seen over the fixtures is a third of this.
  static let allowance = 8.0
  /// Decisions nearer than this, relative to their layer's scale, may fall either way by rounding.
  static let kinkMargin = 1e-5
  /// Decisions that small edits may reach are looked for this far.
  static let kinkReach = 1e-3
  /// Exponents of the scales of small edits.
  static let exponents = [12, 16, 20]
  /// Most multiply-adds of float32 kernels in whose time a slope may be taken.
  static let slopeBudget = 100_000_000_000

  /// - Parameters:
  ///   - propagates: whether the ISM to be checked comes from difference propagation.
  ///   - fast: whether difference propagation is to be trusted with slopes.
  init(_ network: Network, length: Int, propagates: Bool, fast: Bool) throws {
    let program = try network.plainProgram(length: length)
    self.length = length
    self.propagates = propagates
    graph = program.graph
    batch = program.inputShape[0]
    counts = program.outputShapes.map { $0.count / program.inputShape[0] }
    passes = Session(program, for: .reference)
    survey = KinkSession(program)
    chains = program.chainLength.squareRoot()
    slopeMethod = try network.slopeMethod(length: length, fast: fast)
    differences = slopeMethod == .differences ? DifferenceSession(try network.differenceProgram(length: length)) : nil
  }

  /// Missing bases at the end are zero columns.
  func setReference(_ codes: ArraySlice<UInt8>) {
    precondition(codes.count <= length, "\(codes.count) bases for a length of \(length)")
    self.codes = codes
    edited = nil
    precise = run { self.write($0) }
    survey.forward { write($0) }
    single = counts.indices.map { index in survey.withOutput(index) { Array($0.prefix(counts[index])) } }
    differences?.setReference { write($0) }
  }

  private func write(_ input: UnsafeMutableBufferPointer<Float>) {
    for (column, code) in codes.enumerated() where code < 4 { input[column * 4 + Int(code)] = 1 }
  }

  /// Outputs of a full pass, first row of the batch.
  private func run(_ fill: (UnsafeMutableBufferPointer<Float>) -> Void) -> [[Float]] {
    passes.forward(fill)
    return counts.indices.map { index in passes.withOutput(index) { Array($0.prefix(counts[index])) } }
  }

  /// The change of the one-hot column that an edit makes.
  private func change(_ edit: Edit) -> SIMD4<Float> {
    var change = SIMD4<Float>.zero
    let old = codes[codes.startIndex + edit.column]
    if old < 4 { change[Int(old)] -= 1 }
    change[Int(edit.base)] += 1
    return change
  }

  private func write(_ edit: Edit, scale: Float, _ input: UnsafeMutableBufferPointer<Float>) {
    write(input)
    let change = change(edit) * scale
    for base in 0..<4 { input[edit.column * 4 + base] += change[base] }
  }

  /// Entries of each output after a substitution, by a full pass.
  func outputs(after edit: Edit) -> [[Float]] {
    if let edited, edited.edit == edit { return edited.outputs }
    let outputs = run { write(edit, scale: 1, $0) }
    edited = (edit, outputs)
    return outputs
  }

  /// The same after a substitution, where a network that is saturated at the reference may not be.
  func surveyed(_ target: FrozenTarget, after edit: Edit) -> ReferenceSurvey {
    let origin = survey.activations
    survey.forward { write(edit, scale: 1, $0) }
    defer { survey.forward { write($0) } }
    return survey.survey(seeds: seeds(target), margin: 0, from: origin)
  }

  /// Gradient, roundings and decisions within `margin` of a kink, for a target at the reference.
  func surveyed(_ target: FrozenTarget, margin: Double = 0) -> ReferenceSurvey {
    survey.survey(seeds: seeds(target), margin: margin)
  }

  private func seeds(_ target: FrozenTarget) -> [(output: Int, weights: [Float])] {
    var seeds = counts.map { [Float](repeating: 0, count: $0 * batch) }
    target.addSeeds(to: &seeds, sequence: 0, counts: counts)
    return Set(target.parts.map(\.output)).sorted().map { ($0, seeds[$0]) }
  }

  /// What rounding explains of the difference between two ways to compute exact ISM.
  /// - Parameters:
  ///   - before: at the reference.
  ///   - after: at the edited sequence; `nil` takes it for no more sensitive than the reference.
  ///   - scale: largest magnitude of the target's scores.
  ///   - single: whether one of the ways subtracts float32 passes.
  func editTolerance(_ before: ReferenceSurvey, _ after: ReferenceSurvey? = nil, scale: Double, single: Bool)
    -> Double
  {
    let responses = [before, after ?? before].map { single ? $0.singleRounding : $0.preciseRounding }
    // Two passes each; what differences are made of errs relative to themselves.
    let response = (responses[0] * responses[0] + responses[1] * responses[1]).squareRoot()
    return Self.allowance * Self.rounding * (response + chains * scale)
  }

  /// What rounding explains of the difference between two ways to compute a derivative.
  func slopeTolerance(scale: Double) -> Double { Self.allowance * Self.rounding * chains * scale }

  // MARK: Slopes

  /// The derivative of each target along an edit, and how much of it curvature leaves open; `nil` when it is not affordable.
  func slopes(_ edit: Edit, _ targets: [FrozenTarget]) throws -> [(value: Double, curvature: Double)]? {
    switch slopeMethod {
    case nil: return nil
    case .evaluation:
      // Float64 leaves room for steps at which curvature does not show.
      let step = exp2(Double(-Self.exponents.last!))
      let (up, down) = (try evaluate(edit, step, targets), try evaluate(edit, -step, targets))
      return zip(up, down).map { (($0 - $1) / (2 * step), 0) }
    case .differences:
      let edits = Self.exponents.map {
        InputEdit(position: edit.column, change: change(edit) * Float(sign: .plus, exponent: -$0, significand: 1))
      }
      var slopes: [[Double]] = []
      differences!.propagate(edits) { index, changes in
        slopes.append(targets.map { $0.change(of: changes) * exp2(Double(Self.exponents[index])) })
      }
      // What curvature adds to a slope shrinks with the step: 16 times from one scale to the next.
      return zip(slopes[2], slopes[1]).map { ($0, abs($0 - $1) / 8) }
    }
  }

  private func evaluate(_ edit: Edit, _ step: Double, _ targets: [FrozenTarget]) throws -> [Double] {
    var values = [Double](repeating: 0, count: batch * length * 4)
    for (column, code) in codes.enumerated() where code < 4 { values[column * 4 + Int(code)] = 1 }
    let change = change(edit)
    for base in 0..<4 { values[edit.column * 4 + base] += step * Double(change[base]) }
    let outputs = try graph.evaluate(ConstantTensor(shape: [batch, length, 4], values: values))
    return targets.map { target in
      target.parts.reduce(0) { sum, part in
        let z = outputs[part.output].values
        return part.weights.indices.reduce(sum) { $0 + part.weights[$1] * z[part.first + $1] }
      }
    }
  }

  /// At most how much the derivative along an edit depends on the sides that decisions near a kink take.
  func slopeInDoubt(_ edit: Edit, _ target: FrozenTarget) -> Double {
    let near = surveyed(target, margin: Self.kinkReach).kinks
    guard !near.isEmpty else { return 0 }
    // The longest step that the slope and its error are made from.
    let step = exp2(Double(-Self.exponents[1]))
    let probe: Float = 0x1p-6
    let doubt = survey.slopeInDoubt(near, step: step, rounding: Self.kinkMargin, probe: Double(probe)) {
      write(edit, scale: probe, $0)
    }
    survey.forward { write($0) }
    return doubt
  }
}

extension Network {
  /// The cheapest way to slopes that is to be trusted, when it is affordable.
  func slopeMethod(length: Int, fast: Bool) throws -> PassChecker.SlopeMethod? {
    if fast, fixedBatch == nil || fixedBatch == 1 {
      let cost = try differenceProgram(length: length).costPerEdit * PassChecker.exponents.count
      return cost <= PassChecker.slopeBudget ? .differences : nil
    }
    let cost = try 2 * DifferenceProgram.recomputingPenalty * plainProgram(length: length).multiplyAdds
    return cost <= PassChecker.slopeBudget ? .evaluation : nil
  }
}
