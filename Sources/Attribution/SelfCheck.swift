internal import Engine

/// Scores a few seeded edits by the scorers and by independent ways before a run starts.
///
/// The cost is bounded in multiply-adds: fewer edits for larger models, never fewer than two a method.
public struct SelfCheck {
  /// Methods whose scores the run will write.
  public var methods: Set<CheckedMethod>
  /// Whether ISM may come from difference propagation.
  public var fast: Bool
  public var seed: UInt64

  public init(methods: Set<CheckedMethod>, fast: Bool, seed: UInt64 = 1) {
    self.methods = methods
    self.fast = fast
    self.seed = seed
  }

  /// Multiply-adds to spend on one sequence: a fraction of a second.
  private static let budget = 3_000_000_000
  /// Most targets checked.
  private static let targets = 3

  /// Checks a model scored by windows. A sequence on which the model overflows checks nothing: should it be one of the run,
  /// scoring says so.
  /// - Parameter sequence: `nil` for random bases.
  /// - Throws: ``AttributionError/disagreement(_:)``.
  public func run(_ model: WindowModel, sequence: [UInt8]? = nil, location: String = "a random sequence") throws
    -> CheckTally
  {
    do {
      return try check(model, sequence, location)
    } catch AttributionError.notFinite {
      return CheckTally()
    }
  }

  private func check(_ model: WindowModel, _ sequence: [UInt8]?, _ location: String) throws -> CheckTally {
    guard !methods.isEmpty, !model.targets.isEmpty else { return CheckTally() }
    let model = try WindowModel(model.network, length: model.length, targets: few(model.targets))
    var random = SeededGenerator(seed: seed)
    let codes = sequence ?? Self.bases(model.length, &random)
    let checker = try WindowChecker(model, fast: fast)
    let name = "self-check on \(location)"
    let whole = WindowTask(codes: codes[...], location: name)
    var tism = try WindowTISM(model)
    let scores = try tism.score([whole])[0]
    let costs = try costs(model.network, length: model.length)
    if methods.contains(.tism) {
      try checker.check(edits(codes, scores.substitutions, cost: costs.slope, &random), of: whole, scores, .tism)
    }
    if methods.contains(.ism), fast {
      var ism = try WindowDifferences(model)
      for edit in edits(codes, scores.substitutions, cost: costs.pass, most: 10, &random) {
        let part = WindowTask(codes: codes[...], columns: edit.column..<edit.column + 1, location: name)
        try checker.check([edit], of: part, try ism.score([part])[0], .ism)
      }
    }
    return checker.tally
  }

  /// Checks a model with one output a base, on a sequence taken for a whole contig.
  /// - Parameter sequence: `nil` for random bases.
  /// - Throws: ``AttributionError/disagreement(_:)``.
  public func run(
    _ model: PositionModel, targets: [PositionTarget], sequence: [UInt8]? = nil, location: String = "a random sequence"
  ) throws -> CheckTally {
    do {
      return try check(model, targets, sequence, location)
    } catch AttributionError.notFinite {
      return CheckTally()
    }
  }

  private func check(_ model: PositionModel, _ targets: [PositionTarget], _ sequence: [UInt8]?, _ location: String)
    throws -> CheckTally
  {
    guard !methods.isEmpty, !targets.isEmpty else { return CheckTally() }
    let targets = few(targets)
    var random = SeededGenerator(seed: seed)
    let codes = Array((sequence ?? Self.bases(Self.length(model), &random)).prefix(Self.length(model)))
    let strand = StrandBases(name: "self-check on \(location)", contigLength: codes.count, origin: 0, codes: codes)
    let checker = try StretchChecker(model, targets: targets, fast: fast)
    var tism = try StretchTISM(model, targets: targets)
    let scores = try tism.score(0..<codes.count, of: strand).substitutions
    let window = model.window(around: 0, within: 0..<codes.count).count
    let costs = try costs(model.network, length: model.network.fixedLength ?? window)
    if methods.contains(.tism) {
      // Each edit has passes of its own: a reference of either kind, and a gradient.
      let edits = edits(codes, scores, cost: costs.slope + 3 * costs.pass, &random)
      try checker.check(edits, of: 0..<codes.count, strand, scores, .tism)
    }
    if methods.contains(.ism), fast {
      var ism = try StretchDifferences(model, targets: targets)
      for edit in edits(codes, scores, cost: 4 * costs.pass, most: 10, &random) {
        let stretch = edit.column..<edit.column + 1
        let scores = try ism.score(stretch, of: strand).substitutions
        try checker.check([Edit(column: 0, base: edit.base)], of: stretch, strand, scores, .ism)
      }
    }
    return checker.tally
  }

  /// Bases that give most edits the surroundings they have in a long contig.
  public static func length(_ model: PositionModel) -> Int {
    let lengths = model.layout.lengths(fixed: model.network.fixedLength)
    return min(lengths.tile, 4 * lengths.window + 64)
  }

  /// Cost of a full pass with wide sums, and of a slope, in multiply-adds of the float32 kernels.
  private func costs(_ network: Network, length: Int) throws -> (pass: Int, slope: Int) {
    let pass = try network.plainProgram(length: length).multiplyAdds
    let slope =
      switch try network.slopeMethod(length: length, fast: fast) {
      case nil: 0
      case .differences: try PassChecker.exponents.count * network.differenceProgram(length: length).costPerEdit
      case .evaluation: 2 * DifferenceProgram.recomputingPenalty * pass
      }
    // Sums in float64 take about four times as long.
    return (4 * pass, slope)
  }

  /// Random base codes.
  private static func bases(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8(random.next() >> 62) }
  }

  /// Evenly spread over all.
  private func few<Target>(_ targets: [Target]) -> [Target] {
    guard targets.count > Self.targets else { return targets }
    return (0..<Self.targets).map { targets[$0 * (targets.count - 1) / (Self.targets - 1)] }
  }

  /// The strongest by TISM, those at both ends, and seeded others evenly spread: what a fault at one place of a layer
  /// spoils is a stretch as long as its reach.
  private func edits(
    _ codes: [UInt8], _ tism: [SubstitutionScores], cost: Int, most: Int = 64, _ random: inout SeededGenerator
  ) -> [Edit] {
    let known = codes.indices.filter { codes[$0] < 4 }
    guard let first = known.first, let last = known.last else { return [] }
    let count = min(most, max(2, Self.budget / max(1, cost)))
    var edits = tism.compactMap { strongest($0, codes) }
    edits += [first, last].map { Edit(column: $0, base: (codes[$0] + 1) % 4) }
    let spread = max(0, count - edits.count)
    for part in 0..<spread {
      let columns = known.count * part / spread..<known.count * (part + 1) / spread
      guard !columns.isEmpty else { continue }
      let column = known[columns.lowerBound + Int(random.next() % UInt64(columns.count))]
      edits.append(Edit(column: column, base: (codes[column] + 1 + UInt8(random.next() % 3)) % 4))
    }
    var seen: Set<Edit> = []
    return edits.filter { seen.insert($0).inserted }.prefix(count).sorted {
      ($0.column, $0.base) < ($1.column, $1.base)
    }
  }

  private func strongest(_ scores: SubstitutionScores, _ codes: [UInt8]) -> Edit? {
    var best: (edit: Edit, score: Float)?
    for (column, code) in codes.enumerated() where code < 4 {
      for base in UInt8(0)..<4 where base != code {
        let score = abs(scores[Int(base), column])
        if score > best?.score ?? -1 { best = (Edit(column: column, base: base), score) }
      }
    }
    return best?.edit
  }
}
