import Attribution
import Foundation
import Genomics

/// Checks before and during `score`: docs/numerics.md, "Checks".
extension SequenceScorer {
  /// Compares a few scores with independent ways, on a random sequence and on the first one.
  func selfCheck(_ codes: [UInt8], name: String) throws {
    let check = SelfCheck(
      methods: Set([CheckedMethod(request.method)].compactMap { $0 }), fast: request.engine == .fast)
    switch plan {
    case .windows(let model):
      _ = try check.run(model)
      _ = try check.run(model, sequence: codes, location: "sequence \(name)")
    case .positions(let model, let targets):
      _ = try check.run(model, targets: targets)
      _ = try check.run(model, targets: targets, sequence: codes, location: "sequence \(name)")
    }
  }

  /// Computes a sample of the scores again; nothing without `--verify`.
  func verify(_ sequences: [(codes: [UInt8], name: String)], _ scores: [Scores]) throws -> CheckTally {
    guard let fraction = request.verify, fraction > 0, let method = CheckedMethod(request.method) else {
      return CheckTally()
    }
    let sample = EditSample(fraction: fraction)
    func edits(_ sequence: (codes: [UInt8], name: String)) -> [Edit] {
      let contig = Contig(name: sequence.name, length: sequence.codes.count)
      return sample.edits(of: sequence.codes.indices, sequence.codes, contig: contig, strand: .plus)
    }
    switch plan {
    case .windows(let model):
      let checker = try WindowChecker(model, fast: request.engine == .fast)
      for (sequence, scores) in zip(sequences, scores) {
        try checker.check(
          edits(sequence), of: WindowTask(codes: sequence.codes[...], location: "sequence \(sequence.name)"),
          WindowScores(predictions: scores.predictions, substitutions: scores.substitutions), method)
      }
      return checker.tally
    case .positions(let model, let targets):
      let checker = try StretchChecker(model, targets: targets, fast: request.engine == .fast)
      for (sequence, scores) in zip(sequences, scores) {
        let strand = StrandBases(
          name: "sequence \(sequence.name)", contigLength: sequence.codes.count, origin: 0, codes: sequence.codes)
        try checker.check(edits(sequence), of: sequence.codes.indices, strand, scores.substitutions, method)
      }
      return checker.tally
    }
  }
}

extension CheckTally {
  /// One line for people.
  var summary: String {
    let scores = ism.scores + tism.scores
    let kinks = tism.kinks == 0 ? "" : ", \(tism.kinks) at a kink left out"
    let error = max(ism.largestRelativeError, tism.largestRelativeError)
    return
      "verified: \(scores) scores agree with independent computations, within \(String(format: "%.1e", error)) of their "
      + "window's largest"
      + kinks
  }
}
