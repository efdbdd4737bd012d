import Attribution
import Engine

/// How many bases an audit draws unless a number is asked for: from counts of multiply-adds, the same on every machine.
struct AuditBudget {
  /// Multiply-adds of the run's TISM.
  let run: Double
  /// Multiply-adds of the exact ISM of one base's alternates.
  let base: Double

  /// The largest share of the run's operations that an audit takes unless a number is asked for.
  static let share = 0.1
  /// Bases that give narrow intervals; more are not drawn unless asked for.
  static let most = 2_000
  /// Fewer bases than this say nothing: no default audit is made of them.
  static let least = 100
  /// A pass that accumulates in float64 costs about as much time as this many in float32.
  private static let referencePasses = 4.0

  /// Bases to draw; 0 where the share would not buy enough of them.
  var bases: Int {
    let affordable = base > 0 ? Self.share * run / base : 0
    return affordable < Double(Self.least) ? 0 : Int(min(Double(Self.most), affordable))
  }

  /// - Parameter plans: one a model.
  init(_ plans: [ShardScanner.Plan], engine: SubstitutionEngine, strandBases: Int, step: Int?) throws {
    let models = try plans.map { try AuditBudget($0, engine: engine, strandBases: strandBases, step: step) }
    run = models.reduce(0) { $0 + $1.run }
    base = models.reduce(0) { $0 + $1.base }
  }

  private init(_ plan: ShardScanner.Plan, engine: SubstitutionEngine, strandBases: Int, step: Int?) throws {
    switch plan {
    case .positions(let models, let targets):
      let (network, layout) = (models[0].network, models[0].layout)
      let lengths = layout.lengths(fixed: network.fixedLength)
      // By the default tile, so that the tile, which changes no value, does not change what is drawn.
      let perBase =
        Double(try network.multiplyAdds(length: lengths.tile)) / Double(try PositionModel(network, layout: layout).tile)
      run = Double(strandBases) * perBase * Double(1 + targets.count) * Double(models.count)
      let pass = network.fixedLength ?? lengths.window + ShardScanner.shortTile
      base = try Self.cost(
        network, pass: pass, naive: lengths.window, differences: lengths.tile, engine: engine)
    case .windows(let model, _):
      let windows = Double(strandBases) / Double(step ?? model.length)
      run = windows * Double(try model.multiplyAddsOfTISM())
      base = try Self.cost(
        model.network, pass: model.length, naive: model.length, differences: model.length, engine: engine)
    }
  }

  /// - Parameters:
  ///   - pass: bases of the passes around an edit.
  ///   - naive: bases of a pass with an edit, where that way is taken.
  ///   - differences: length at which the way is decided.
  private static func cost(
    _ network: Network, pass: Int, naive: Int, differences: Int, engine: SubstitutionEngine
  ) throws -> Double {
    func forward(_ length: Int) throws -> Double { Double(try network.multiplyAdds(length: length)) }
    guard engine == .fast, try network.prefersDifferences(length: differences, naiveLength: naive) else {
      return try forward(pass) + 3 * forward(naive)
    }
    return try forward(pass) * (1 + referencePasses) + 3 * Double(network.differenceProgram(length: pass).costPerEdit)
  }
}
