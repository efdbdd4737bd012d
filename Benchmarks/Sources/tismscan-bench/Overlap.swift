import ArgumentParser
import Attribution
import Engine
import ONNXImport

/// What sharing the trunk between overlapping windows saves.
struct Overlap: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Scores a random sequence by windows, sharing their trunk and window by window, in turn.")

  @Option(help: "The ONNX file.") var model: String
  @Option(help: "A target of tismscan; repeat for several.") var target: [String]
  @Option(help: "predict, tism or ism.") var work: String
  @Option(help: "Bases from one window to the next.") var step: Int
  @Option(help: "Bases of the sequence.") var bases: Int
  @Option(help: "Bases of the sequence that stand for all where windows share nothing.") var basesAlone: Int
  @Option(help: "Times that both are measured.") var rounds = 3

  /// Of a round.
  private struct Row: Encodable {
    let windowsShared, windowsAlone: Int
    /// Processor time, a window.
    let microsecondsShared, microsecondsAlone: Double
    let ratio: Double
  }

  private struct Summary: Encodable {
    /// Fewer operations of forward passes, by the plan.
    let predicted: Double
    /// Median of the rounds.
    let measured: Double
    let peakMemory: Int
    let differing: Int
  }

  func run() throws {
    guard let work = Work(rawValue: work), work != .tismAll else {
      throw ValidationError("--work \(work): predict, tism or ism")
    }
    let network = try Network(ModelFile(path: model))
    let length = network.fixedLength ?? network.describedLength
    let targets = try target.map {
      try ScoreTarget(parsing: $0).resolved(among: try network.outputs(atLength: length))
    }
    let shared = try WindowModel(network, length: length, step: step, targets: targets)
    let alone = try WindowModel(network, length: length, targets: targets)
    let purpose: SessionPurpose = work == .predict ? .prediction : work == .tism ? .gradient : .reference
    let trunk = try network.sharedTrunk(batch: 1, length: length, step: step, for: purpose)
    var random = SeededGenerator(seed: 1)
    let codes = (0..<bases).map { _ in UInt8.random(in: 0..<4, using: &random) }
    var ratios: [Double] = []
    var differing = 0
    for _ in 0..<rounds {
      let (one, other) = (try time(shared, work, codes[...]), try time(alone, work, codes.prefix(basesAlone)))
      for (a, b) in zip(one.scores, other.scores) where a != b { differing += 1 }
      let row = Row(
        windowsShared: one.scores.count, windowsAlone: other.scores.count,
        microsecondsShared: one.seconds / Double(one.scores.count) * 1e6,
        microsecondsAlone: other.seconds / Double(other.scores.count) * 1e6,
        ratio: other.seconds / Double(other.scores.count) / (one.seconds / Double(one.scores.count)))
      try reply(row)
      ratios.append(row.ratio)
    }
    try reply(
      Summary(
        predicted: trunk.map { Double($0.multiplyAddsAlone) / Double($0.multiplyAddsShared) } ?? 1,
        measured: ratios.sorted()[rounds / 2], peakMemory: ProcessUsage.peakMemory, differing: differing))
  }

  /// Bits of every window's first scores, and processor seconds.
  private func time(_ model: WindowModel, _ work: Work, _ codes: ArraySlice<UInt8>) throws
    -> (scores: [[UInt32]], seconds: Double)
  {
    switch work {
    case .predict: try time(WindowPrediction(model), model.length, codes)
    case .ism: try time(WindowDifferences(model), model.length, codes)
    case .tism, .tismAll: try time(WindowTISM(model), model.length, codes)
    }
  }

  private func time(_ made: consuming some WindowScorer & ~Copyable, _ length: Int, _ codes: ArraySlice<UInt8>) throws
    -> (scores: [[UInt32]], seconds: Double)
  {
    var scorer = made
    let starts = Array(stride(from: 0, through: codes.count - length, by: step))
    let first = (length - step) / 2
    var scores: [[UInt32]] = []
    let begin = ProcessUsage.cpuSeconds
    for group in stride(from: 0, to: starts.count, by: scorer.windowsAtOnce) {
      let windows = starts[group..<min(starts.count, group + scorer.windowsAtOnce)].map { start in
        WindowTask(
          codes: codes[(codes.startIndex + start)...].prefix(length), columns: first..<first + step, start: start,
          location: "window")
      }
      for window in try scorer.score(windows) {
        scores.append(
          window.predictions.map(\.bitPattern) + window.substitutions.flatMap { $0.values.prefix(8).map(\.bitPattern) })
      }
    }
    return (scores, ProcessUsage.cpuSeconds - begin)
  }
}
