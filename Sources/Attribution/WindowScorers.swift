public import Engine

/// What every scorer of whole windows is told: the model, its length and the targets.
public struct WindowModel: Sendable {
  public let network: Network
  /// Bases a window.
  public let length: Int
  public let targets: [ResolvedTarget]
  /// Bases from one window to the next, where they follow each other on a grid.
  public let step: Int?
  /// Outputs that the targets read.
  let outputs: Set<Int>

  /// - Parameters:
  ///   - length: bases a window; must be the model's where that is fixed.
  ///   - step: bases from one window to the next, where they follow each other on a grid. Scores do not depend on it.
  public init(_ network: Network, length: Int, step: Int? = nil, targets: [ResolvedTarget]) throws(AttributionError) {
    guard network.fixedLength == nil || network.fixedLength == length else {
      throw .unsupportedLength(
        reason: "windows of \(length) bases for a model of \(network.fixedLength!); use the model's length")
    }
    self.network = network
    self.length = length
    self.step = step
    self.targets = targets
    outputs = targets.reduce(into: []) { $0.formUnion($1.outputs) }
  }

  /// Sequences a run: enough rows for dense layers, bounded activations; one where nothing is gained.
  func batch() throws -> Int {
    if let fixed = network.fixedBatch { return fixed }
    guard try network.program(batch: 1, length: length).gainsFromBatches else { return 1 }
    return max(1, min(32, 16_384 / max(1, length)))
  }

  /// What neighbouring windows share, where that saves operations.
  func trunk(_ purpose: SessionPurpose) throws -> SharedTrunk? {
    guard let step else { return nil }
    return try network.sharedTrunk(
      batch: purpose == .reference ? 1 : batch(), length: length, step: step, for: purpose)
  }

  /// Multiply-adds of the forward pass of one window in a long row of them.
  public func multiplyAdds(for purpose: SessionPurpose) throws -> Int {
    try trunk(purpose)?.multiplyAddsShared ?? network.multiplyAdds(length: length)
  }

  /// The same of TISM, of every target.
  public func multiplyAddsOfTISM() throws -> Int {
    let step = step ?? length
    let first = (length - step) / 2
    let forward = try multiplyAdds(for: .gradient)
    let backward = try network.program(batch: batch(), length: length).multiplyAdds(
      ofGradientIn: first..<first + step)
    return forward + targets.count * backward
  }
}

/// Scores of one window: one entry a target.
public struct WindowScores: Sendable {
  /// The target's value at the reference.
  public var predictions: [Float]
  /// Scores of the columns asked for; empty for predictions only.
  public var substitutions: [SubstitutionScores]

  public init(predictions: [Float], substitutions: [SubstitutionScores]) {
    self.predictions = predictions
    self.substitutions = substitutions
  }
}

/// A window to score.
public struct WindowTask: Sendable {
  /// Base codes; fewer than the model's length are followed by zero columns.
  public let codes: ArraySlice<UInt8>
  /// Columns whose edits are wanted.
  public let columns: Range<Int>
  /// Which of their edits exact ISM computes; all when `nil`. The others' scores are 0 then.
  public let only: EditMask?
  /// First base on whatever sequence the windows of a model share; `nil` when they share none.
  public let start: Int?
  /// Where the window is, for messages.
  public let location: String

  public init(
    codes: ArraySlice<UInt8>, columns: Range<Int>? = nil, only: EditMask? = nil, start: Int? = nil, location: String
  ) {
    precondition(only == nil || only?.length == (columns?.count ?? codes.count), "a mask of another length")
    self.codes = codes
    self.start = start
    self.only = only
    self.columns = columns ?? 0..<codes.count
    self.location = location
  }
}

/// Scores windows one group at a time. The seam between the ways to score: plain ISM, TISM, difference propagation.
///
/// A window's scores never depend on the others of its group.
public protocol WindowScorer: ~Copyable {
  mutating func score(_ windows: [WindowTask]) throws -> [WindowScores]

  /// Windows that are best handed over at once.
  var windowsAtOnce: Int { get }
}

extension WindowScorer where Self: ~Copyable {
  public var windowsAtOnce: Int { WindowSharing.usualGroup }
}

/// The targets' values: one forward pass a window.
public struct WindowPrediction: WindowScorer, ~Copyable {
  private let model: WindowModel
  private var runner: Runner

  public init(_ model: WindowModel) throws {
    self.model = model
    runner = try Runner(
      model.network, batch: model.batch(), length: model.length, for: .prediction, trunk: model.trunk(.prediction))
  }

  public var windowsAtOnce: Int { runner.windowsAtOnce }

  public mutating func score(_ windows: [WindowTask]) throws -> [WindowScores] {
    var results: [WindowScores] = []
    while results.count < windows.count {
      let rest = windows[results.count...]
      let group = rest.prefix(runner.forward(rest))
      let outputs = runner.outputs(model.outputs)
      for (row, window) in group.enumerated() {
        let entries = outputs.sequence(row)
        results.append(
          WindowScores(
            predictions: try model.targets.map { target in
              try finite(
                Float(target.frozen(at: entries).value(of: entries)), "prediction", window.location, target.name)
            },
            substitutions: []))
      }
    }
    return results
  }
}

/// TISM: one forward pass a window and one backward pass a target.
public struct WindowTISM: WindowScorer, ~Copyable {
  private let model: WindowModel
  private var runner: Runner

  public init(_ model: WindowModel) throws {
    self.model = model
    runner = try Runner(
      model.network, batch: model.batch(), length: model.length, for: .gradient, trunk: model.trunk(.gradient))
  }

  public var windowsAtOnce: Int { runner.windowsAtOnce }

  public mutating func score(_ windows: [WindowTask]) throws -> [WindowScores] {
    try gradients(windows) { $0.columns }.enumerated().map { index, window in
      let task = windows[index]
      return WindowScores(
        predictions: window.predictions,
        substitutions: window.gradients.map { gradient in
          SubstitutionScores(
            gradient: gradient[...],
            reference: task.codes.dropFirst(task.columns.lowerBound).prefix(task.columns.count))
        })
    }
  }

  /// The plain gradients `df/dx`, each row-major `[codes, 4]`, one a target.
  public mutating func gradients(_ windows: [WindowTask]) throws -> [(predictions: [Float], gradients: [[Float]])] {
    try gradients(windows) { 0..<$0.codes.count }
  }

  /// - Parameter columns: those of a window that are wanted.
  private mutating func gradients(_ windows: [WindowTask], of columns: (WindowTask) -> Range<Int>) throws
    -> [(predictions: [Float], gradients: [[Float]])]
  {
    var results: [(predictions: [Float], gradients: [[Float]])] = []
    while results.count < windows.count {
      let rest = windows[results.count...]
      let group = Array(rest.prefix(runner.forward(rest)))
      let outputs = runner.outputs(model.outputs)
      var part = group.map { _ in (predictions: [Float](), gradients: [[Float]]()) }
      for target in model.targets {
        var seeds = runner.counts.enumerated().map { output, count in
          [Float](repeating: 0, count: target.outputs.contains(output) ? count * runner.batch : 0)
        }
        for (row, window) in group.enumerated() {
          let entries = outputs.sequence(row)
          let frozen = target.frozen(at: entries)
          frozen.addSeeds(to: &seeds, sequence: row, counts: runner.counts)
          part[row].predictions.append(
            try finite(Float(frozen.value(of: entries)), "prediction", window.location, target.name))
        }
        let length = runner.length
        let all = group.map(columns).reduce(columns(group[0])) {
          min($0.lowerBound, $1.lowerBound)..<max($0.upperBound, $1.upperBound)
        }
        try runner.gradient(seeds: target.outputs.sorted().map { ($0, seeds[$0]) }, of: all) { gradient in
          for (row, window) in group.enumerated() {
            let wanted = columns(window)
            let own = Array(
              gradient[(row * length + wanted.lowerBound) * 4..<(row * length + wanted.upperBound) * 4])
            guard own.allSatisfy(\.isFinite) else {
              throw AttributionError.notFinite(quantity: "gradient", location: window.location, target: target.name)
            }
            part[row].gradients.append(own)
          }
        }
      }
      results += part
    }
    return results
  }
}

/// Exact ISM the plain way: one forward pass an edit. Kept for good as the oracle of every faster way.
public struct WindowISM: WindowScorer, ~Copyable {
  private let model: WindowModel
  private var runner: Runner

  public init(_ model: WindowModel) throws {
    self.model = model
    runner = try Runner(model.network, batch: model.batch(), length: model.length, for: .prediction)
  }

  public mutating func score(_ windows: [WindowTask]) throws -> [WindowScores] {
    var results: [WindowScores] = []
    for window in windows { results.append(try score(window)) }
    return results
  }

  private mutating func score(_ window: WindowTask) throws -> WindowScores {
    runner.forward([window.codes])
    let reference = runner.outputs(model.outputs).sequence(0)
    let frozen = model.targets.map { $0.frozen(at: reference) }
    let values = frozen.map { $0.value(of: reference) }
    for (value, target) in zip(values, model.targets) {
      _ = try finite(Float(value), "prediction", window.location, target.name)
    }

    var scores = model.targets.map { _ in SubstitutionScores(length: window.columns.count) }
    let edits = Edit.all(in: window.codes, columns: window.columns, only: window.only)
    for first in stride(from: 0, to: edits.count, by: runner.batch) {
      let group = edits[first..<min(edits.count, first + runner.batch)]
      runner.forward(group.map { $0.applied(to: window.codes) })
      let outputs = runner.outputs(model.outputs)
      for (row, edit) in group.enumerated() {
        let entries = outputs.sequence(row)
        for (number, target) in model.targets.enumerated() {
          let change = Float(frozen[number].value(of: entries) - values[number])
          scores[number][Int(edit.base), edit.column - window.columns.lowerBound] =
            try finite(change, "ISM", "\(window.location), column \(edit.column)", target.name)
        }
      }
    }
    return WindowScores(predictions: values.map { Float($0) }, substitutions: scores)
  }
}

/// A single-base substitution of a window.
public struct Edit: Hashable, Sendable {
  /// 0-based from the window's first base.
  public let column: Int
  public let base: UInt8

  public init(column: Int, base: UInt8) {
    self.column = column
    self.base = base
  }

  /// The three alternates of every known base, in column and A C G T order.
  /// - Parameter mask: of the columns; all edits when `nil`.
  static func all(in codes: ArraySlice<UInt8>, columns: Range<Int>, only mask: EditMask? = nil) -> [Edit] {
    columns.flatMap { column -> [Edit] in
      let reference = codes[codes.startIndex + column]
      guard reference < 4 else { return [] }
      return (0..<4).filter {
        $0 != reference && mask?.contains(base: Int($0), column: column - columns.lowerBound) != false
      }.map { Edit(column: column, base: $0) }
    }
  }

  func applied(to codes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var edited = Array(codes)
    edited[column] = base
    return edited[...]
  }
}

/// `value` when it is a number, else an error that says where it is not.
@inline(__always)
func finite(_ value: Float, _ quantity: String, _ location: @autoclosure () -> String, _ target: String)
  throws(AttributionError) -> Float
{
  guard value.isFinite else { throw .notFinite(quantity: quantity, location: location(), target: target) }
  return value
}
