import Attribution
import Engine
import Foundation
import NetworkGraph
import ONNXImport

/// What is computed: the works that peers are compared in.
enum Work: String, CaseIterable, Sendable {
  /// Windows: values of the targets.
  case predict
  /// Windows: TISM of the first target.
  case tism
  /// Windows: TISM of every target. A few stand for all: each costs one backward pass.
  case tismAll = "tism-all"
  /// Edits: exact ISM of every target.
  case ism
}

/// A network with the sequences and targets it is measured on.
struct Workload: Sendable {
  let work: Work
  let model: WindowModel
  /// Base codes of each sequence.
  let sequences: [[UInt8]]
  /// Columns that stand for all where whole windows take too long, and that scores are compared on.
  let sample: [Range<Int>]
  /// Targets asked for; ``model`` has fewer where some stand for all.
  let targetCount: Int

  /// Targets that stand for all in ``Work/tismAll``, the first of them for the forward pass.
  private static let sampledTargets = 9

  /// - Parameters:
  ///   - targets: as `--target` of tismscan takes them; TISM of one target takes the first.
  ///   - sequences: path of a file with one sequence a line.
  ///   - sample: half-open ranges of columns, such as `0-32,100-132`.
  init(work: Work, model path: String, targets: [String], sequences file: String, sample: String) throws {
    self.work = work
    let text = try String(contentsOfFile: file, encoding: .utf8)
    sequences = try text.split(separator: "\n").enumerated().map { number, line in
      try line.utf8.map { letter in
        guard let code = [UInt8]("ACGT".utf8).firstIndex(of: letter) else {
          throw BenchmarkError(
            "\(file), line \(number + 1): '\(Character(Unicode.Scalar(letter)))' is not A, C, G or T")
        }
        return UInt8(code)
      }
    }
    guard let length = sequences.first?.count, sequences.allSatisfy({ $0.count == length }) else {
      throw BenchmarkError("\(file): needs sequences of one length, one a line")
    }
    self.sample = try Self.columns(sample, length: length)
    let network = try Network(ModelFile(path: path))
    let outputs = try network.outputs(atLength: length)
    let wanted =
      switch work {
      case .tism: Array(targets.prefix(1))
      case .tismAll: Array(targets.prefix(Self.sampledTargets))
      case .predict, .ism: targets
      }
    targetCount = targets.count
    model = try WindowModel(
      network, length: length,
      targets: try wanted.map { try ScoreTarget(parsing: $0).resolved(among: outputs) })
  }

  /// Reads half-open ranges of columns, such as `0-32,100-132`.
  static func columns(_ text: some StringProtocol, length: Int) throws -> [Range<Int>] {
    try text.split(separator: ",").map { part in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard ends.count == 2, 0 <= ends[0], ends[0] < ends[1], ends[1] <= length else {
        throw BenchmarkError("columns '\(part)': not a half-open range within \(length) bases, such as 0-32")
      }
      return ends[0]..<ends[1]
    }
  }

  func task(_ sequence: Int, columns: Range<Int>? = nil) -> WindowTask {
    let number = sequence % sequences.count
    return WindowTask(codes: sequences[number][...], columns: columns, location: "sequence \(number + 1)")
  }

  /// Scores windows as a thread of a scan does: with sessions of its own.
  func scorer() throws -> ThreadScorer { try scorer(model) }

  /// TISM of the first target alone, to tell the forward pass from the backward passes.
  func scorerOfFirstTarget() throws -> ThreadScorer {
    try scorer(WindowModel(model.network, length: model.length, targets: Array(model.targets.prefix(1))))
  }

  private func scorer(_ model: WindowModel) throws -> ThreadScorer {
    switch work {
    case .predict: ThreadScorer(try WindowPrediction(model))
    case .tism, .tismAll: ThreadScorer(try WindowTISM(model))
    case .ism: ThreadScorer(try WindowDifferences(model))
    }
  }
}

/// A window scorer of any kind, used by one task at a time: it is handed from round to round, never shared.
final class ThreadScorer: @unchecked Sendable {
  private let body: ([WindowTask]) throws -> [WindowScores]

  init<Scorer: WindowScorer & ~Copyable>(_ scorer: consuming Scorer) {
    let box = Box(scorer)
    body = { try box.scorer.score($0) }
  }

  func score(_ windows: [WindowTask]) throws -> [WindowScores] { try body(windows) }

  private final class Box<Scorer: WindowScorer & ~Copyable> {
    var scorer: Scorer
    init(_ scorer: consuming Scorer) { self.scorer = scorer }
  }
}

/// A mistake of whoever calls the benchmark.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
