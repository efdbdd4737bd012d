import Attribution
import Engine
import Kernels

/// What is known of a workload before it is measured.
struct Description: Codable, Sendable {
  let tool: String
  /// Instruction set of the kernels.
  let instructionSet: String
  /// Multiply-adds of one forward pass over a window.
  let windowMultiplyAdds: Int
  /// Multiply-adds of one edit by the way that is taken, without the reference pass.
  let editMultiplyAdds: Int
  /// Predicted time of an edit by differences, and of a forward pass, in multiply-adds of the linear kernels: what the choice
  /// of that way rests on.
  let editKernelTime, windowKernelTime: Int
  /// Whether exact ISM propagates differences, or makes a forward pass an edit.
  let prefersDifferences: Bool
  /// Operators that difference propagation recomputes in full.
  let recomputed: [String]

  init(_ workload: Workload) throws {
    let (network, length) = (workload.model.network, workload.model.length)
    tool = "tismscan"
    instructionSet = KernelSet.best.description
    let batch = network.fixedBatch ?? 1
    windowMultiplyAdds = try network.program(batch: batch, length: length).multiplyAdds / batch
    windowKernelTime = try network.kernelTime(length: length)
    prefersDifferences = try network.prefersDifferences(length: length, naiveLength: length)
    if batch == 1 {
      let program = try network.differenceProgram(length: length)
      editMultiplyAdds = prefersDifferences ? program.multiplyAddsPerEdit : windowMultiplyAdds
      editKernelTime = program.kernelTimePerEdit
      recomputed = program.recomputed.map { "\($0.kind) '\($0.name)'" }
    } else {
      (editMultiplyAdds, editKernelTime, recomputed) = (windowMultiplyAdds, windowKernelTime, [])
    }
  }
}

/// Scores to compare with those of others: the targets' values of the first sequences, or the scores of the first sequence
/// at some columns.
struct SampleScores: Codable, Sendable {
  /// One row a sequence, one entry a target.
  var predictions: [[Float]] = []
  /// One array a target, row-major `[4, columns]`.
  var scores: [[Float]] = []

  init(_ workload: Workload, sequences: Int, columns: [Range<Int>]) throws {
    let scorer = try workload.scorer()
    if workload.work == .predict {
      predictions = try scorer.score((0..<sequences).map { workload.task($0) }).map(\.predictions)
      return
    }
    let blocks = try columns.map { try scorer.score([workload.task(0, columns: $0)])[0].substitutions }
    scores = workload.model.targets.indices.map { target in
      (0..<4).flatMap { base in
        blocks.flatMap { block in (0..<block[target].length).map { block[target][base, $0] } }
      }
    }
  }
}
