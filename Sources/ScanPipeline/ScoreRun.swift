public import Attribution
import Foundation
import GenomeIO
import Genomics
import TrackIO

/// What a person asks of `score`.
public struct ScoreRequest: Sendable {
  public var model: ModelRequest
  /// FASTA of sequences of the model's length, plain, gzip or bgzip; `-` is standard input.
  public var sequences: String
  public var method = Method.tism
  public var targets: [String] = []
  public var engine = SubstitutionEngine.fast
  /// Fraction of the edits to compute again by independent ways.
  public var verify: Double?
  /// Maps to add to the npz.
  public var maps: [ScoreMap] = []
  /// Score replacements of neighbouring columns instead of substitutions (ISM).
  public var replacement: Replacement?
  public var threads = 1
  /// Path of the npz.
  public var output: String

  public init(model: ModelRequest, sequences: String, output: String) {
    self.model = model
    self.sequences = sequences
    self.output = output
  }
}

/// Per-base maps of a sequence, beside the scores themselves.
public enum ScoreMap: String, CaseIterable, Hashable, Sendable, Codable {
  /// `S - mean of the 4 rows`: hypothetical contributions at a uniform background, shape `[4, L]`.
  case corrected
  /// The gradient at the reference base, shape `[L]`; TISM only.
  case gradientTimesInput = "gradient-x-input"

  var arrayName: String { self == .corrected ? "corrected" : "gradient_x_input" }
}

/// Scores sequences of the model's length and writes one npz.
public struct ScoreRun {
  private let request: ScoreRequest
  private let progress: Progress

  public init(_ request: ScoreRequest, progress: Progress) {
    self.request = request
    self.progress = progress
  }

  /// Sequences a task scores.
  private static let group = 32

  /// Scores of one group of sequences, flat: per sequence the targets one after the other.
  private struct Part: Sendable {
    var predictions: [Float] = []
    var scores: [Float] = []
    var corrected: [Float] = []
    var gradientTimesInput: [Float] = []
    var checks = CheckTally()
  }

  public func run() async throws {
    if request.maps.contains(.gradientTimesInput), request.method != .tism {
      throw ScanError.usage("--map gradient-x-input needs --method tism")
    }
    if let verify = request.verify {
      guard 0...1 ~= verify else { throw ScanError.usage("--verify \(verify): a fraction of the edits, 0 to 1") }
      guard request.method != .predict, request.replacement == nil || verify == 0 else {
        throw ScanError.usage("--verify needs --method tism or ism and goes without --replace")
      }
    }
    if request.maps.contains(.corrected), request.method == .predict {
      throw ScanError.usage("--map corrected needs --method tism or ism")
    }
    if request.replacement != nil, request.method != .ism || !request.maps.isEmpty {
      throw ScanError.usage("--replace needs --method ism and goes without --map")
    }
    let model = try ScanModel(request.model)
    let records = try SequenceFile.read(path: request.sequences)
    let length = model.network.fixedLength ?? records[0].letters.count
    for record in records where record.letters.count != length {
      throw ScanError.badInput(
        "\(request.sequences):\(record.line): \(record.name) has \(record.letters.count) bases; "
          + (model.network.fixedLength != nil
            ? "the model takes \(length)" : "the first sequence has \(length), and all must be as long"))
    }
    if let replacement = request.replacement, replacement.width > length {
      throw ScanError.usage("--width \(replacement.width): the sequences have \(length) bases")
    }
    let codes = records.map { Base.encode($0.letters) }
    let scorer = try SequenceScorer(model, length: length, request)
    try scorer.selfCheck(codes[0], name: records[0].name)
    let targets = scorer.targetNames

    var predictions: [Float] = []
    var output = try NPZWriter(path: request.output)
    try output.add(name: "sequences", shape: [codes.count, length], bytes: codes.flatMap { $0 })
    try output.add(name: "names", texts: records.map(\.name))
    try output.add(name: "targets", texts: targets)
    if request.method == .predict {
      try await score(codes, records, scorer) { predictions += $0.predictions }
    } else {
      // Maps wait in memory; the scores themselves are streamed.
      var (corrected, timesInput) = ([Float](), [Float]())
      if let replacement = request.replacement {
        try output.add(name: "replacement", shape: [replacement.width], bytes: replacement.codes)
        try output.begin(
          name: "ism_replace", shape: [codes.count, targets.count, length - replacement.width + 1], type: .float32)
      } else {
        try output.begin(name: request.method.rawValue, shape: [codes.count, targets.count, 4, length], type: .float32)
      }
      var writer = output
      try await score(codes, records, scorer) { part in
        predictions += part.predictions
        corrected += part.corrected
        timesInput += part.gradientTimesInput
        try writer.append(part.scores)
      }
      try writer.end()
      if request.maps.contains(.corrected) {
        try writer.add(name: "corrected", shape: [codes.count, targets.count, 4, length], floats: corrected)
      }
      if request.maps.contains(.gradientTimesInput) {
        try writer.add(name: "gradient_x_input", shape: [codes.count, targets.count, length], floats: timesInput)
      }
      output = writer
    }
    try output.add(name: "prediction", shape: [codes.count, targets.count], floats: predictions)
    try output.finish()
    progress.say("\(request.output): \(codes.count) sequences, \(targets.count) targets")
  }

  private func score(
    _ codes: [[UInt8]], _ records: [SequenceRecord], _ scorer: SequenceScorer, _ commit: (Part) throws -> Void
  ) async throws {
    let names = records.map(\.name)
    let addsCorrected = request.maps.contains(.corrected)
    progress.begin(resumed: 0)
    var done = 0
    var checks = CheckTally()
    try await OrderedTasks.run(
      count: (codes.count + Self.group - 1) / Self.group, threads: request.threads,
      prepare: { number in Array(number * Self.group..<min(codes.count, (number + 1) * Self.group)) },
      work: { _, sequences in
        var part = Part()
        let group = sequences.map { (codes: codes[$0], name: names[$0]) }
        let scored = try scorer.score(group)
        part.checks = try scorer.verify(group, scored)
        for scores in scored {
          part.predictions += scores.predictions
          part.scores += scores.substitutions.flatMap(\.values) + scores.replacements.flatMap { $0 }
          if addsCorrected {
            part.corrected += scores.substitutions.flatMap(\.corrected.values)
          }
          part.gradientTimesInput += scores.gradientTimesInput.flatMap { $0 }
        }
        return part
      },
      commit: { number, part in
        try commit(part)
        checks.add(part.checks)
        done = min(codes.count, (number + 1) * Self.group)
        progress.scanned(done * (codes.first?.count ?? 0), of: codes.count * (codes.first?.count ?? 0))
      })
    if request.verify ?? 0 > 0 { progress.say(checks.summary) }
  }
}

/// Scores whole sequences by any method, with window targets or those of per-position models. Shared by all tasks.
struct SequenceScorer: Sendable {
  struct Scores {
    var predictions: [Float]
    var substitutions: [SubstitutionScores]
    var gradientTimesInput: [[Float]] = []
    /// One array a target, one score a start.
    var replacements: [[Float]] = []
  }

  enum Plan {
    case windows(WindowModel)
    case positions(PositionModel, [PositionTarget])
  }

  let plan: Plan
  let request: ScoreRequest
  let targetNames: [String]

  init(_ model: ScanModel, length: Int, _ request: ScoreRequest) throws {
    self.request = request
    var targets = try request.targets.map { try ScoreTarget(parsing: $0) }
    if targets.isEmpty {
      if case .position(let layout) = model.kind {
        targets = [.position(layout.activation == .plain ? .logit : .weighted)]
      } else {
        targets = try ScoreTarget.defaults(among: model.network.outputs)
      }
    }
    let positions = targets.compactMap { if case .position(let target) = $0 { target } else { nil } }
    targetNames = targets.map(\.description)
    guard !positions.isEmpty, case .position(let layout) = model.kind else {
      let outputs = try model.network.outputs(atLength: length)
      plan = .windows(
        try WindowModel(model.network, length: length, targets: try targets.map { try $0.resolved(among: outputs) }))
      return
    }
    guard positions.count == targets.count else {
      throw ScanError.usage("--target: weighted, weighted-mean, probability and logit cannot be mixed with entries")
    }
    plan = .positions(try PositionModel(model.positionNetwork, layout: layout, tile: length), positions)
  }

  func score(_ sequences: [(codes: [UInt8], name: String)]) throws -> [Scores] {
    if let replacement = request.replacement { return try score(replacement, sequences) }
    return switch plan {
    case .windows(let model): try windows(model, sequences)
    case .positions(let model, let targets): try positions(model, targets, sequences)
    }
  }

  private func windows(_ model: WindowModel, _ sequences: [(codes: [UInt8], name: String)]) throws -> [Scores] {
    let tasks = sequences.map { WindowTask(codes: $0.codes[...], location: "sequence \($0.name)") }
    func scores(_ windows: [WindowScores]) -> [Scores] {
      windows.map { Scores(predictions: $0.predictions, substitutions: $0.substitutions) }
    }
    switch (request.method, request.engine) {
    case (.predict, _):
      var scorer = try WindowPrediction(model)
      return scores(try scorer.score(tasks))
    case (.ism, .fast):
      var scorer = try WindowDifferences(model)
      return scores(try scorer.score(tasks))
    case (.ism, .naive):
      var scorer = try WindowISM(model)
      return scores(try scorer.score(tasks))
    case (.tism, _):
      var scorer = try WindowTISM(model)
      return zip(sequences, try scorer.gradients(tasks)).map { sequence, window in
        var result = Scores(
          predictions: window.predictions,
          substitutions: window.gradients.map { SubstitutionScores(gradient: $0, reference: sequence.codes) })
        if request.maps.contains(.gradientTimesInput) {
          result.gradientTimesInput = window.gradients.map { gradient in
            sequence.codes.enumerated().map { $1 < 4 ? gradient[4 * $0 + Int($1)] : 0 }
          }
        }
        return result
      }
    }
  }

  private func positions(
    _ model: PositionModel, _ targets: [PositionTarget], _ sequences: [(codes: [UInt8], name: String)]
  ) throws -> [Scores] {
    if request.maps.contains(.gradientTimesInput) {
      throw ScanError.usage("--map gradient-x-input is for targets that name entries (OUT:IDX, ...)")
    }
    var totals = StretchPrediction(model)
    let strands = sequences.map { sequence in
      StrandBases(
        name: "sequence \(sequence.name)", contigLength: sequence.codes.count, origin: 0, codes: sequence.codes)
    }
    let predictions = try strands.map { try totals.totals(targets, of: $0) }
    func run(_ scorer: inout some StretchScorer & ~Copyable) throws -> [Scores] {
      try zip(strands, predictions).map { strand, values in
        Scores(
          predictions: values,
          substitutions: try scorer.score(0..<strand.contigLength, of: strand).substitutions)
      }
    }
    switch (request.method, request.engine) {
    case (.predict, _):
      return predictions.map { Scores(predictions: $0, substitutions: []) }
    case (.tism, _):
      var scorer = try StretchTISM(model, targets: targets)
      return try run(&scorer)
    case (.ism, .fast):
      var scorer = try StretchDifferences(model, targets: targets)
      return try run(&scorer)
    case (.ism, .naive):
      var scorer = try StretchISM(model, targets: targets)
      return try run(&scorer)
    }
  }
}
