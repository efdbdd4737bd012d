import Attribution
import GenomeIO
import Genomics

extension ScanPlanner {
  /// Settles how TISM is audited and which share of it is replaced.
  /// - Returns: how bases are drawn; `nil` without an audit.
  func audit(_ plans: [ShardScanner.Plan], strandBases: Int, _ contigs: [Contig], _ settings: inout ScanSettings) throws
    -> AuditSampling?
  {
    if let number = request.audit, number < 0 {
      throw ScanError.usage("--audit \(number): a number of edits, or 0 for none")
    }
    guard 0...1 ~= request.hybrid else {
      throw ScanError.usage("--hybrid \(request.hybrid): a share of the edits, 0 to 1")
    }
    guard settings.methods.contains(.tism) else {
      for (isSet, flag) in [
        (request.audit ?? 0 > 0, "--audit"), (request.hybrid > 0, "--hybrid"), (request.genes != nil, "--genes"),
      ] where isSet {
        throw ScanError.usage("\(flag) needs --method tism")
      }
      return nil
    }
    settings.hybrid = request.hybrid > 0 ? request.hybrid : nil
    let needsAudit = ScanError.usage("--genes needs an audit: say how many edits with --audit")
    if request.genes != nil, request.audit == 0 { throw needsAudit }
    let coding = try request.genes.map { try self.coding($0, contigs) }
    var bases = try request.audit.map { ($0 + 2) / 3 } ?? defaultBases(plans, strandBases, settings)
    bases = min(bases, strandBases)
    guard bases > 0 else {
      if request.genes != nil { throw needsAudit }
      return nil
    }
    settings.audit = 3 * bases
    settings.genes = request.genes == nil ? nil : true
    return AuditSampling(bases: bases, total: strandBases, coding: coding)
  }

  /// Exact scores that the run makes in any case cost nothing.
  private func defaultBases(_ plans: [ShardScanner.Plan], _ strandBases: Int, _ settings: ScanSettings) throws -> Int {
    if settings.methods.contains(.ism) { return AuditBudget.most }
    return try AuditBudget(plans, engine: settings.engine, strandBases: strandBases, step: settings.step).bases
  }

  /// Coding bases by contig, ascending.
  private func coding(_ path: String, _ contigs: [Contig]) throws -> [[Range<Int>]] {
    guard path != "-" else { throw ScanError.usage("--genes needs a file, not standard input") }
    let set = RegionSet(try GeneFile.codingIntervals(path: path, contigs: contigs), contigs: contigs)
    guard !set.isEmpty else { throw ScanError.badInput("\(path): no feature of type CDS in it") }
    let byContig = Dictionary(grouping: set.intervals, by: \.contig)
    return contigs.map { (byContig[$0.name] ?? []).map { $0.start..<$0.end } }
  }
}
