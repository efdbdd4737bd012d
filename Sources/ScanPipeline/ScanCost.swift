import Attribution
import Engine

/// Predicted multiply-adds of scoring one base of one strand: from shapes alone, the same on every machine. What is slower than
/// a multiply-add of the kernels counts as many as take its time.
struct ScanCost {
  /// Of every method of the run.
  let ofBase: Double

  /// - Parameter plans: one a model.
  init(_ plans: [ShardScanner.Plan], _ settings: ScanSettings) throws {
    ofBase = try plans.reduce(0) { $0 + (try ScanCost($1, settings).ofBase) }
  }

  private init(_ plan: ShardScanner.Plan, _ settings: ScanSettings) throws {
    let methods = Set(settings.methods)
    func sum(predict: () throws -> Double, tism: () throws -> Double, exact: () throws -> Double) rethrows -> Double {
      var cost = 0.0
      if methods.contains(.tism) {
        cost += try tism()
        // What is replaced by exact scores, and the audit, which takes a tenth unless asked for more.
        if let hybrid = settings.hybrid { cost += hybrid * (try exact()) }
      } else if methods.contains(.predict) {
        cost += try predict()
      }
      if methods.contains(.ism) { cost += try exact() }
      return cost
    }
    switch plan {
    case .positions(let models, let targets):
      let (network, layout) = (models[0].network, models[0].layout)
      // The default's, so that the tile, which changes no value, does not change the plan.
      let tile = try PositionModel(network, layout: layout).tile
      let lengths = layout.lengths(fixed: network.fixedLength)
      let forward = Double(try network.multiplyAdds(length: lengths.tile)) / Double(tile)
      ofBase =
        try Double(models.count)
        * sum(predict: { forward }, tism: { forward * Double(1 + targets.count) }) {
          try Self.exact(network, pass: lengths.tile, naive: lengths.window, perBase: forward, settings.engine)
        }
    case .windows(let model, _):
      let step = Double(settings.step ?? model.length)
      ofBase = try sum(
        predict: { Double(try model.multiplyAdds(for: .prediction)) / step },
        tism: { Double(try model.multiplyAddsOfTISM()) / step },
        exact: {
          try Self.exact(
            model.network, pass: model.length, naive: model.length,
            perBase: Double(model.multiplyAdds(for: settings.engine == .fast ? .reference : .prediction)) / step,
            settings.engine)
        })
    }
  }

  /// Of the three edits of a base, with its share of the pass that they start from.
  private static func exact(
    _ network: Network, pass: Int, naive: Int, perBase forward: Double, _ engine: SubstitutionEngine
  ) throws -> Double {
    guard engine == .fast, try network.prefersDifferences(length: pass, naiveLength: naive) else {
      return forward + 3 * Double(try network.multiplyAdds(length: naive))
    }
    return forward + 3 * Double(try network.differenceProgram(length: pass).costPerEdit)
  }
}
