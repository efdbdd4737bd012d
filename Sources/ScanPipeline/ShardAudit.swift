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

  /// Share of a base's alternates that a hybrid scan computed exactly.
  static func exactSection(partner: Bool = false) -> String { "tism/exact\(partner ? "/partner" : "")" }

  /// Draws the audited bases, chooses the edits that a hybrid scan replaces, and computes both exactly.
  func refine(_ result: inout UnitResult, _ unit: WorkUnit, _ bases: [StrandBases], partner: Bool) throws {
    guard methods.contains(.tism), audit != nil || hybrid != nil else { return }
    let targets = targetCount
    let tism = (0..<targets).map { result.sections[Self.section(.tism, target: $0, partner: partner)]! }
    var units: [AuditSampling.Unit] = []
    var population = [Int](repeating: 0, count: audit?.strataCount ?? 0)
    var chosen: [Int] = []
    for block in GridBlock.blocks(of: unit.stretches) {
      let sizes = EditSizes(block, scores: tism)
      // The partner's channel is the same network: one of them is audited.
      if let audit, !partner {
        units += audit.draw(
          block, sizes, codes: result.codes, contig: contigs[block.contig], strand: unit.strand,
          population: &population)
      }
      if let hybrid { chosen += hybrid.edits(of: block, sizes) }
    }
    let audited = units.flatMap { drawn in (0..<3).map { 3 * drawn.base + $0 } }
    let edits = Set(audited).union(chosen).sorted()
    let exact =
      methods.contains(.ism)
      ? (0..<targets).map { target in
        let scores = result.sections[Self.section(.ism, target: target, partner: partner)]!
        return edits.map { scores[$0] }
      } : try exactScores(of: edits, unit, bases, codes: result.codes, partner: partner)
    let place = Dictionary(uniqueKeysWithValues: edits.enumerated().map { ($1, $0) })

    if audit != nil, !partner {
      let isChosen = Set(chosen)
      result.sections[AuditSection.base] = units.map { Float($0.base) }
      result.sections[AuditSection.stratum] = units.map { Float($0.stratum) }
      result.sections[AuditSection.weight] = units.map { Float($0.weight) }
      result.sections[AuditSection.population] = population.map { Float($0) }
      result.sections[AuditSection.exact] = audited.map { isChosen.contains($0) ? 1 : 0 }
      for target in 0..<targets {
        result.sections[AuditSection.tism(target)] = audited.map { tism[target][$0] }
        result.sections[AuditSection.ism(target)] = audited.map { exact[target][place[$0]!] }
      }
    }
    guard hybrid != nil else { return }
    for target in 0..<targets {
      var scores = tism[target]
      for edit in chosen { scores[edit] = exact[target][place[edit]!] }
      result.sections[Self.section(.tism, target: target, partner: partner)] = scores
    }
    var counts = result.codes.map { _ in 0 }
    for edit in chosen { counts[edit / 3] += 1 }
    result.sections[Self.exactSection(partner: partner)] = zip(result.codes, counts).map {
      $0 < 4 ? Float($1) / 3 : .nan
    }
  }

  private var targetCount: Int {
    switch plan {
    case .positions(_, let targets): targets.count
    case .windows(let model, _): model.targets.count
    }
  }
}
