internal import Engine

/// Replacements of neighbouring columns of whole sequences with a per-position model, exactly: by difference propagation, or
/// by one forward pass a start. The sums run over the outputs that any of the replaced columns can move.
public struct StretchReplacement: ~Copyable {
  private let targets: [PositionTarget]
  private let replacement: Replacement
  private let naive: Bool
  private var passes: ReferencePasses
  /// Of the last length.
  private var propagator: Propagator?

  /// - Parameters:
  ///   - model: with a tile no shorter than the sequences.
  ///   - naive: one forward pass a start in any case.
  /// - Throws: a target that the model's outputs do not allow.
  public init(_ model: PositionModel, targets: [PositionTarget], _ replacement: Replacement, naive: Bool = false) throws
  {
    try model.check(targets)
    let length = model.network.fixedLength ?? model.tile
    let plain =
      try naive
      || !model.network.prefersDifferences(length: length, naiveLength: length, editWidth: replacement.width)
    self.targets = targets
    self.replacement = replacement
    self.naive = plain
    passes = ReferencePasses(model, for: .prediction)
  }

  /// One array a target, one score a start.
  public mutating func score(_ strand: StrandBases) throws -> [[Float]] {
    let whole = 0..<strand.contigLength
    precondition(strand.codes.count == whole.count, "replacements are scored along whole sequences")
    guard passes.model.tile >= whole.count else {
      throw AttributionError.unsupportedLength(
        reason:
          "\(strand.name) has \(whole.count) bases, but one pass scores \(passes.model.tile) at most; use shorter "
          + "sequences with --replace")
    }
    let starts = replacement.starts(in: whole.count)
    let (reference, span, _) = try passes.run(whole, of: strand)
    var scores = targets.map { _ in [Float](repeating: 0, count: starts.count) }
    var bad: (start: Int, target: String)?
    /// Sums what each target makes of the outputs' changes.
    func add(_ start: Int, _ change: (_ output: Int, _ target: PositionTarget, _ weight: Double) -> Double) {
      let reached = passes.model.layout.outputs(movedBy: start..<start + replacement.width).clamped(
        to: reference.outputs)
      for (number, target) in targets.enumerated() {
        var sum = 0.0
        for output in reached {
          sum += change(output, target, reference.weights.isEmpty ? 1 : reference.weight(output))
        }
        if !Float(sum).isFinite { bad = bad ?? (start, target.rawValue) }
        if target == .weightedMean {
          let weight = reference.weightSum(reached)
          sum = weight < PositionTarget.smallestWeight ? .nan : sum / weight
        }
        scores[number][start] = Float(sum)
      }
    }
    if naive {
      for start in starts {
        let edited = StrandBases(
          name: strand.name, contigLength: whole.count, origin: 0,
          codes: Array(replacement.applied(to: strand.codes[...], at: start)))
        let track = try passes.run(whole, of: edited).track
        add(start) { $1.change(from: reference[$0], to: track[$0], weight: $2) }
      }
    } else {
      let length = passes.model.network.fixedLength ?? span.count
      if propagator?.length != length {
        propagator = try Propagator(passes.model.network, length: length, editWidth: replacement.width)
      }
      let layout = passes.model.layout
      propagator!.setReference(strand.codes[...])
      propagator!.propagate(starts.map { replacement.edit(of: strand.codes[...], at: $0) }) { start, changes in
        let (first, values) = changes.changes(ofOutput: layout.output)
        add(start) { output, target, weight in
          let entry = layout.entry(of: output, passStart: span.lowerBound, length: length) - first
          guard values.indices.contains(entry) else { return 0 }
          return target.change(from: reference[output], by: values[entry], weight: weight)
        }
      }
    }
    if let bad {
      throw AttributionError.notFinite(
        quantity: "ISM", location: "\(strand.name), replacement at column \(bad.start)", target: bad.target)
    }
    return scores
  }
}
