internal import Engine

/// The outputs `F` of a per-position model along a piece of a strand, with the weights `w = sigmoid(F)`.
struct ReferenceTrack {
  /// Output numbers covered.
  let outputs: Range<Int>
  /// One value an output.
  let values: [Float]
  /// `sigmoid(F)`; empty where outputs are no logits.
  let weights: [Double]

  /// Reads outputs of a batch row.
  /// - Parameters:
  ///   - outputs: numbers wanted.
  ///   - span: the bases the pass read; its first decides the numbering.
  init(
    _ outputs: Range<Int>, from elements: UnsafeBufferPointer<Float>, row: Int = 0, entries: Int, span: Range<Int>,
    layout: PositionLayout, weighted: Bool = true
  ) {
    self.outputs = outputs
    let length = entries / layout.channels + layout.deficit
    let own = row * entries..<(row + 1) * entries
    values = outputs.map { output in
      let entry = own.lowerBound + layout.entry(of: output, passStart: span.lowerBound, length: length)
      precondition(own.contains(entry), "output \(output) lies outside its pass")
      return elements[entry]
    }
    weights = weighted && layout.activation != .plain ? values.map(sigmoid) : []
  }

  subscript(output: Int) -> Float { values[output - outputs.lowerBound] }

  func weight(_ output: Int) -> Double { weights[output - outputs.lowerBound] }

  /// Sum of the weights of `range`, in ascending order whatever else is known.
  func weightSum(_ range: Range<Int>) -> Double {
    var sum = 0.0
    for weight in weights[range.lowerBound - outputs.lowerBound..<range.upperBound - outputs.lowerBound] {
      sum += weight
    }
    return sum
  }

  /// What the model predicts for `bases`: NaN where the output lies beyond the contig.
  func predictions(of bases: Range<Int>, layout: PositionLayout) -> [Float] {
    bases.map { base in
      let output = base + layout.offset
      guard outputs.contains(output) else { return .nan }
      return layout.activation == .plain ? self[output] : Float(weight(output))
    }
  }

  /// Fails when an output is not a number.
  func checkFinite(in strand: StrandBases) throws(AttributionError) {
    guard let bad = values.firstIndex(where: { !$0.isFinite }) else { return }
    throw .notFinite(
      quantity: "output", location: "\(strand.name), strand position \(strand.place(outputs.lowerBound + bad))",
      target: "prediction")
  }
}

/// Runs the reference passes of stretch scorers, keeping sessions by length. Owned by one task.
struct ReferencePasses: ~Copyable {
  let model: PositionModel
  private let purpose: SessionPurpose
  private var runners: [Runner] = []

  /// Sessions kept: full tiles, a few shorter ones.
  private static let capacity = 4

  init(_ model: PositionModel, for purpose: SessionPurpose) {
    self.model = model
    self.purpose = purpose
  }

  /// Cuts a stretch into tiles.
  func tiles(of stretch: Range<Int>) -> [Range<Int>] {
    stride(from: stretch.lowerBound, to: stretch.upperBound, by: model.tile).map {
      $0..<min(stretch.upperBound, $0 + model.tile)
    }
  }

  /// One forward pass that gives every output needed to score `tile`.
  mutating func run(_ tile: Range<Int>, of strand: StrandBases) throws
    -> (track: ReferenceTrack, span: Range<Int>, runner: Runner)
  {
    let outputs = model.outputs(toScore: tile, within: strand.bounds)
    let span = model.span(reading: outputs, within: strand.bounds)
    let runner = try runner(length: model.network.fixedLength ?? span.count)
    runner.forward([strand[span]])
    let layout = model.layout
    let track = runner.withOutput(layout.output) {
      ReferenceTrack(outputs, from: $0, entries: runner.counts[layout.output], span: span, layout: layout)
    }
    try track.checkFinite(in: strand)
    return (track, span, runner)
  }

  private mutating func runner(length: Int) throws -> Runner {
    if let known = runners.first(where: { $0.length == length }) { return known }
    if runners.count == Self.capacity { runners.removeFirst() }
    runners.append(try Runner(model.network, batch: model.network.fixedBatch ?? 1, length: length, for: purpose))
    return runners.last!
  }
}

/// Predictions along a strand: one forward pass a tile.
public struct StretchPrediction: StretchScorer, ~Copyable {
  private var passes: ReferencePasses

  public init(_ model: PositionModel) { passes = ReferencePasses(model, for: .prediction) }

  public mutating func score(_ stretch: Range<Int>, of strand: StrandBases) throws -> StretchScores {
    var result = StretchScores(predictions: [], substitutions: [], newSites: [])
    for tile in passes.tiles(of: stretch) {
      let track = try passes.run(tile, of: strand).track
      result.predictions += track.predictions(of: tile, layout: passes.model.layout)
    }
    return result
  }

  /// The targets' values over every output of a whole strand: `sum of w F`, `sum of sigmoid(F)`, ...
  public mutating func totals(_ targets: [PositionTarget], of strand: StrandBases) throws -> [Float] {
    try passes.model.check(targets)
    var sums = targets.map { _ in 0.0 }
    var weight = 0.0
    for tile in passes.tiles(of: 0..<strand.contigLength) {
      let track = try passes.run(tile, of: strand).track
      // Each output is counted with the tile that holds its base; those beyond the ends with the first and last.
      for output in track.outputs where tile.contains(min(max(output, 0), strand.contigLength - 1)) {
        let w = track.weights.isEmpty ? 1 : track.weight(output)
        weight += w
        for (number, target) in targets.enumerated() {
          sums[number] += target.summand(Double(track[output]), weight: w)
        }
      }
    }
    return zip(targets, sums).map { Float($0 == .weightedMean ? $1 / weight : $1) }
  }
}

extension PositionTarget {
  /// What one output adds to the target's value.
  func summand(_ value: Double, weight w: Double) -> Double {
    switch self {
    case .weighted, .weightedMean: w * value
    case .probability: w
    case .logit: value
    }
  }
}
