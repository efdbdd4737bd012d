import Attribution

/// What an audit found: how well TISM agrees with exact ISM, over both strands, for each target.
struct AuditRecord: Codable {
  struct Stratum: Codable {
    let name: String
    let bases: Int
    let drawn: Int
  }
  struct Target: Codable {
    let target: String
    /// TISM against exact ISM.
    let tism: Agreement
    /// What the tracks of a hybrid scan show against exact ISM.
    let hybrid: Agreement?
    /// Edits drawn whose score is absent.
    let absent: Int

    /// For labels.
    var summary: String {
      func text(_ name: String, _ estimate: Agreement.Estimate?) -> String {
        guard let estimate else { return "\(name) undefined" }
        let value = "\(name) \(fixed(estimate.value, digits: 3))"
        guard let low = estimate.low, let high = estimate.high else { return value }
        return value + " (\(fixed(low, digits: 3)) to \(fixed(high, digits: 3)))"
      }
      let shown = hybrid ?? tism
      return "against exact ISM of \(shown.pairs) sampled edits: \(text("Pearson", shown.pearson)), "
        + text("recall of the largest 1 %", shown.topRecall)
    }
  }

  /// Strand bases that the scores of all alternates were compared at.
  let bases: Int
  let strata: [Stratum]
  let targets: [Target]

  /// True when the tracks hold exact scores too.
  var isHybrid: Bool { targets.contains { $0.hybrid != nil } }
}

/// Gathers what the units of a run drew.
struct AuditTotals {
  private let targets: [String]
  private let hasGenes: Bool
  private let isHybrid: Bool
  private var population: [Int]
  private var strata: [Int] = []
  private var weights: [Double] = []
  private var exact: [Float] = []
  private var tism, ism: [[Float]]

  init(_ settings: ScanSettings) {
    targets = settings.targets
    hasGenes = settings.genes == true
    isHybrid = settings.hybrid != nil
    population = [Int](repeating: 0, count: AuditSampling.strataCount(hasGenes: hasGenes))
    tism = targets.map { _ in [] }
    ism = tism
  }

  /// Takes what one unit drew.
  /// - Parameter section: a section of the unit by its name, `nil` where it has none.
  mutating func add(_ section: (String) throws -> [Float]?) rethrows {
    typealias Section = ShardScanner.AuditSection
    guard let own = try section(Section.population) else { return }
    for (stratum, count) in own.enumerated() { population[stratum] += Int(count) }
    strata += try section(Section.stratum)!.map { Int($0) }
    weights += try section(Section.weight)!.map { Double($0) }
    exact += try section(Section.exact)!
    for target in targets.indices {
      tism[target] += try section(Section.tism(target))!
      ism[target] += try section(Section.ism(target))!
    }
  }

  var record: AuditRecord {
    var drawn = population.map { _ in 0 }
    for stratum in strata { drawn[stratum] += 1 }
    return AuditRecord(
      bases: strata.count,
      strata: population.indices.map {
        AuditRecord.Stratum(
          name: AuditSampling.name(ofStratum: $0, hasGenes: hasGenes), bases: population[$0], drawn: drawn[$0])
      },
      targets: targets.indices.map { target in
        let pairs = pairs(tism[target], target, drawn)
        return AuditRecord.Target(
          target: targets[target], tism: Agreement(pairs),
          hybrid: isHybrid
            ? Agreement(
              self.pairs(zip(exact, zip(ism[target], tism[target])).map { $0 == 1 ? $1.0 : $1.1 }, target, drawn))
            : nil, absent: pairs.absent)
      })
  }

  private func pairs(_ scores: [Float], _ target: Int, _ drawn: [Int]) -> ScorePairs {
    var pairs = ScorePairs(
      strata: zip(population, drawn).map {
        ScorePairs.Stratum(drawn: $0 > 0 ? min(1, Double($1) / Double($0)) : 1)
      })
    for unit in strata.indices {
      pairs.beginUnit(stratum: strata[unit])
      for edit in 3 * unit..<3 * unit + 3 { pairs.append(scores[edit], ism[target][edit], weight: weights[unit]) }
    }
    return pairs
  }
}

extension Merger.Outcome {
  /// What the audit says of the scores behind a track.
  func agreement(of spec: TrackSpec) -> AuditRecord.Target? {
    guard spec.method == .tism, spec.reduction != nil else { return nil }
    return audit?.targets.indices.contains(spec.target) == true ? audit?.targets[spec.target] : nil
  }
}
