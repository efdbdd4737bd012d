import Attribution
import Genomics

extension ShardScanner {
  /// Names of the sections of a shard file that hold the bases an audit drew: one entry a base, or three.
  enum AuditSection {
    /// Index among the unit's bases.
    static let base = "audit/base"
    static let stratum = "audit/stratum"
    static let weight = "audit/weight"
    /// Bases of each stratum, drawn or not.
    static let population = "audit/population"
    /// 1 where the track shows exact ISM.
    static let exact = "audit/exact"
    /// TISM as it was before a hybrid scan replaced any of it.
    static func tism(_ target: Int) -> String { "audit/tism/\(target)" }
    static func ism(_ target: Int) -> String { "audit/ism/\(target)" }
  }

  /// Draws the audited bases, chooses the edits that a hybrid scan replaces, and computes both exactly. In an ensemble both
  /// follow from the mean over the models, and audits are of it.
  func refine(_ result: inout UnitResult, _ unit: WorkUnit, _ bases: [StrandBases], isPartner: Bool) throws {
    guard methods.contains(.tism), audit != nil || hybrid != nil else { return }
    let sources = plans.indices.map { ScoreSource(model: $0, isPartner: isPartner) }
    func mean(_ method: Method, _ target: Int) -> [Float] {
      Ensemble.mean(sources.map { result.sections[$0.section(method, target: target)]! })
    }
    let tism = (0..<targetCount).map { mean(.tism, $0) }
    var units: [AuditSampling.Unit] = []
    var population = [Int](repeating: 0, count: audit?.strataCount ?? 0)
    var chosen: [Int] = []
    for block in GridBlock.blocks(of: unit.stretches) {
      let sizes = EditSizes(block, scores: tism)
      // The partner's channel is the same network: one of them is audited.
      if let audit, !isPartner {
        units += audit.draw(
          block, sizes, codes: result.codes, contig: contigs[block.contig], strand: unit.strand,
          population: &population)
      }
      if let hybrid { chosen += hybrid.edits(of: block, sizes) }
    }
    let audited = units.flatMap { drawn in (0..<3).map { 3 * drawn.base + $0 } }
    let edits = Set(audited).union(chosen).sorted()
    // By model and target.
    let exact = try sources.map { source in
      guard methods.contains(.ism) else {
        return try exactScores(of: edits, unit, bases, codes: result.codes, source)
      }
      return (0..<targetCount).map { target in
        let scores = result.sections[source.section(.ism, target: target)]!
        return edits.map { scores[$0] }
      }
    }
    let place = Dictionary(uniqueKeysWithValues: edits.enumerated().map { ($1, $0) })

    if audit != nil, !isPartner {
      let isChosen = Set(chosen)
      result.sections[AuditSection.base] = units.map { Float($0.base) }
      result.sections[AuditSection.stratum] = units.map { Float($0.stratum) }
      result.sections[AuditSection.weight] = units.map { Float($0.weight) }
      result.sections[AuditSection.population] = population.map { Float($0) }
      result.sections[AuditSection.exact] = audited.map { isChosen.contains($0) ? 1 : 0 }
      for target in 0..<targetCount {
        let ism = Ensemble.mean(exact.map { $0[target] })
        result.sections[AuditSection.tism(target)] = audited.map { tism[target][$0] }
        result.sections[AuditSection.ism(target)] = audited.map { ism[place[$0]!] }
      }
    }
    guard hybrid != nil else { return }
    for (source, exact) in zip(sources, exact) {
      for target in 0..<targetCount {
        let section = source.section(.tism, target: target)
        var scores = result.sections[section]!
        for edit in chosen { scores[edit] = exact[target][place[edit]!] }
        result.sections[section] = scores
      }
    }
    var counts = result.codes.map { _ in 0 }
    for edit in chosen { counts[edit / 3] += 1 }
    result.sections[sources[0].exactShare] = zip(result.codes, counts).map { $0 < 4 ? Float($1) / 3 : .nan }
  }

  private var targetCount: Int {
    switch plans[0] {
    case .positions(_, let targets): targets.count
    case .windows(let model, _): model.targets.count
    }
  }
}
