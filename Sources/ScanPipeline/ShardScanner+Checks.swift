import Attribution
import Genomics

/// Checks before and during a scan: docs/numerics.md, "Checks".
extension ShardScanner {
  /// The methods whose scores are checked; audits and hybrid scans compute ISM too.
  private var checkedMethods: Set<CheckedMethod> {
    Set(methods.compactMap { CheckedMethod($0) }).union(audit != nil || hybrid != nil ? [.ism] : [])
  }

  /// Compares a few scores with independent ways, on a random sequence and on the first known bases of a unit.
  /// - Parameter bases: what the unit reads.
  func selfCheck(_ unit: WorkUnit, _ bases: [StrandBases]) throws -> CheckTally {
    var tally = CheckTally()
    for plan in plans { tally.add(try selfCheck(plan, unit, bases)) }
    return tally
  }

  private func selfCheck(_ plan: Plan, _ unit: WorkUnit, _ bases: [StrandBases]) throws -> CheckTally {
    let check = SelfCheck(methods: checkedMethods, fast: engine == .fast)
    switch plan {
    case .positions(let models, let targets):
      var tally = try check.run(models[0], targets: targets)
      for (stretch, strand) in zip(unit.stretches, bases) {
        let range = strandRange(stretch, unit.strand)
        guard let first = strand[range].firstIndex(where: { $0 < 4 }) else { continue }
        // Back from the end of what is there, so that short regions are checked on a full length too.
        let (length, known) = (SelfCheck.length(models[0]), strand.origin..<strand.origin + strand.codes.count)
        let start = max(known.lowerBound, min(first + strand.origin, known.upperBound - length))
        let end = min(known.upperBound, start + length)
        tally.add(
          try check.run(
            models[0], targets: targets, sequence: Array(strand[start..<end]),
            location: "\(strand.name), bases from strand position \(strand.place(start))"))
        break
      }
      return tally
    case .windows(let model, let placements):
      var tally = try check.run(model)
      search: for (stretch, strand) in zip(unit.stretches, bases) {
        for piece in placements[unit.strand]![stretch.contig].pieces(covering: strandRange(stretch, unit.strand)) {
          let task = task(for: piece, model.length, strand)
          guard task.codes.contains(where: { $0 < 4 }) else { continue }
          tally.add(try check.run(model, sequence: Array(task.codes), location: task.location))
          break search
        }
      }
      return tally
    }
  }
}

extension CheckedMethod {
  /// `nil` for predictions: they have no second way.
  init?(_ method: Method) {
    switch method {
    case .predict: return nil
    case .ism: self = .ism
    case .tism: self = .tism
    }
  }
}
