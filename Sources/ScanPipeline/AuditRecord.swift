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
    /// TISM against exact ISM at coding bases and at others, where genes are known.
    let coding, notCoding: Agreement?
    /// Edits drawn whose score is absent.
    let absent: Int

    /// What the tracks hold.
    var shown: Agreement { hybrid ?? tism }

    /// Too few edits were drawn to say how far the sample may be from the whole.
    var isTooSmall: Bool { shown.pearson?.low == nil }

    /// For labels.
    var summary: String {
      func text(_ name: String, _ estimate: Agreement.Estimate?) -> String {
        guard let estimate else { return "\(name) undefined" }
        let value = "\(name) \(fixed(estimate.value, digits: 3))"
        guard let low = estimate.low, let high = estimate.high else { return value }
        return value + " (\(fixed(low, digits: 3)) to \(fixed(high, digits: 3)))"
      }
      if isTooSmall {
        return "against exact ISM: \(shown.pairs) sampled edits are too few to say; ask for more with --audit"
      }
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
        let shown = isHybrid ? zip(exact, zip(ism[target], tism[target])).map { $0 == 1 ? $1.0 : $1.1 } : nil
        func part(coding: Bool) -> Agreement? {
          hasGenes ? Agreement(self.pairs(tism[target], target, drawn, coding: coding)) : nil
        }
        return AuditRecord.Target(
          target: targets[target], tism: Agreement(pairs),
          hybrid: shown.map { Agreement(self.pairs($0, target, drawn)) }, coding: part(coding: true),
          notCoding: part(coding: false), absent: pairs.absent)
      })
  }

  /// - Parameter coding: only coding bases, or only others; all when `nil`.
  private func pairs(_ scores: [Float], _ target: Int, _ drawn: [Int], coding: Bool? = nil) -> ScorePairs {
    func belongs(_ stratum: Int) -> Bool { coding.map { AuditSampling.isCoding(stratum) == $0 } ?? true }
    var pairs = ScorePairs(
      strata: population.indices.map {
        let count = belongs($0) ? population[$0] : 0
        return ScorePairs.Stratum(drawn: count > 0 ? min(1, Double(drawn[$0]) / Double(count)) : 1)
      })
    for unit in strata.indices where belongs(strata[unit]) {
      pairs.beginUnit(stratum: strata[unit])
      for edit in 3 * unit..<3 * unit + 3 { pairs.append(scores[edit], ism[target][edit], weight: weights[unit]) }
    }
    return pairs
  }
}

extension Merger.Outcome {
  /// What the audit says of the scores behind a track, where its sample is large enough to say something.
  func agreement(of spec: TrackSpec) -> AuditRecord.Target? {
    guard spec.method == .tism, spec.reduction != nil, !spec.isSpread, let audit,
      audit.targets.indices.contains(spec.target),
      !audit.targets[spec.target].isTooSmall
    else { return nil }
    return audit.targets[spec.target]
  }
}
