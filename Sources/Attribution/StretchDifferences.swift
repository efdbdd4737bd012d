internal import Engine

/// Exact ISM along a strand by difference propagation: one reference pass a tile, then only what each edit changes. Where
/// a forward pass an edit costs less (models with attention), that way is taken.
///
/// Weights and predictions come from the float32 pass that TISM and predictions use, so that they are the same whichever
/// methods run together; the changes come from a reference accumulated in float64.
public struct StretchDifferences: ExactStretchScorer, ~Copyable {
  private let targets: [PositionTarget]
  private let newSites: Bool
  private var passes: ReferencePasses
  private var propagators: [Propagator] = []
  /// The plain way, when it costs less.
  private var plain: StretchISM?

  /// Lengths kept: full tiles, a few shorter ones.
  private static let capacity = 4

  /// - Parameter newSites: also give the largest rise of any output's probability.
  /// - Throws: a target that the model's outputs do not allow.
  public init(_ model: PositionModel, targets: [PositionTarget], newSites: Bool = false) throws {
    try model.check(targets, newSites: newSites)
    let differences = try model.prefersDifferences
    plain = try differences ? nil : StretchISM(model, targets: targets, newSites: newSites)
    self.targets = targets
    self.newSites = newSites
    passes = ReferencePasses(model, for: .prediction)
  }

  public mutating func score(_ stretch: Range<Int>, of strand: StrandBases, only mask: EditMask?) throws
    -> StretchScores
  {
    if plain != nil { return try plain!.score(stretch, of: strand, only: mask) }
    var result = StretchScores(
      predictions: [], substitutions: targets.map { _ in SubstitutionScores(length: stretch.count) },
      newSites: newSites ? [Float](repeating: .nan, count: stretch.count) : [])
    for tile in passes.tiles(of: stretch) {
      let edits = Edit.wanted(of: tile, in: strand, from: stretch.lowerBound, only: mask)
      if mask != nil, edits.isEmpty { continue }
      let (track, span, _) = try passes.run(tile, of: strand)
      result.predictions += track.predictions(of: tile, layout: passes.model.layout)
      let propagator = try propagator(length: passes.model.network.fixedLength ?? span.count)
      propagator.setReference(strand[span])
      try score(edits, span, track, propagator, strand, from: stretch.lowerBound, into: &result)
    }
    return result
  }

  private func score(
    _ wanted: [Edit], _ span: Range<Int>, _ track: ReferenceTrack, _ propagator: Propagator,
    _ strand: StrandBases, from first: Int, into result: inout StretchScores
  ) throws {
    let layout = passes.model.layout
    let edits = wanted.map { Edit(column: $0.column - span.lowerBound, base: $0.base) }
    var bad: (base: Int, target: String)?
    propagator.propagate(edits) { index, changes in
      let edit = edits[index]
      let base = edit.column + span.lowerBound
      let reached = layout.outputs(movedBy: base..<base + 1).clamped(to: track.outputs)
      let (start, values) = changes.changes(ofOutput: layout.output)
      // The entry of output `n` among the changed ones.
      let origin = layout.entry(of: 0, passStart: span.lowerBound, length: propagator.length) - start
      for (number, target) in targets.enumerated() {
        var sum = 0.0
        for output in reached {
          let entry = origin + output * layout.stride
          guard values.indices.contains(entry) else { continue }
          sum += target.change(
            from: track[output], by: values[entry], weight: track.weights.isEmpty ? 1 : track.weight(output))
        }
        if !Float(sum).isFinite { bad = bad ?? (base, target.rawValue) }
        if target == .weightedMean {
          let weight = track.weightSum(reached)
          sum = weight < PositionTarget.smallestWeight ? .nan : sum / weight
        }
        result.substitutions[number][Int(edit.base), base - first] = Float(sum)
      }
      guard newSites else { return }
      for output in reached {
        let entry = origin + output * layout.stride
        let change = values.indices.contains(entry) ? Double(values[entry]) : 0
        let rise = Float(sigmoid(Double(track[output]) + change) - track.weight(output))
        if !rise.isFinite { bad = bad ?? (base, Reduction.newSite.rawValue) }
        if !(result.newSites[base - first] >= rise) { result.newSites[base - first] = rise }
      }
    }
    if let bad {
      throw AttributionError.notFinite(
        quantity: "ISM", location: "\(strand.name), strand position \(bad.base)", target: bad.target)
    }
  }

  private mutating func propagator(length: Int) throws -> Propagator {
    if let known = propagators.first(where: { $0.length == length }) { return known }
    if propagators.count == Self.capacity { propagators.removeFirst() }
    propagators.append(try Propagator(passes.model.network, length: length))
    return propagators.last!
  }
}

extension Edit {
  /// The wanted edits of a tile; columns are strand positions.
  /// - Parameters:
  ///   - first: strand position that the mask's first column is about.
  ///   - mask: all edits when `nil`.
  static func wanted(of tile: Range<Int>, in strand: StrandBases, from first: Int, only mask: EditMask?) -> [Edit] {
    all(in: strand[tile], columns: 0..<tile.count).compactMap { edit in
      let base = tile.lowerBound + edit.column
      guard mask?.contains(base: Int(edit.base), column: base - first) != false else { return nil }
      return Edit(column: base, base: edit.base)
    }
  }
}

extension PositionTarget {
  /// Change of the summand when an output moves from `before` by `difference`.
  @inline(__always)
  func change(from before: Float, by difference: Float, weight w: Double) -> Double {
    switch self {
    case .weighted, .weightedMean: w * Double(difference)
    case .probability: sigmoid(Double(before) + Double(difference)) - w
    case .logit: Double(difference)
    }
  }
}
