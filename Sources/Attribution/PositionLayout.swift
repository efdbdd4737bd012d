internal import NetworkGraph
internal import Tensors

/// Where the outputs of a per-position model are and what they read.
///
/// Outputs are numbered by the base they stand for in the model's own frame: output `n` reads bases `n - back` to
/// `n + ahead`, ends included. An edit at base `i` therefore moves outputs `i - ahead` to `i + back`.
public struct PositionLayout: Hashable, Sendable {
  /// Number of the output in the model.
  public let output: Int
  /// Entries between neighbouring positions.
  public let stride: Int
  /// The channel's entries within one position, and whole rows of positions before the channel: where the first position
  /// lies depends on how many positions a pass has (`[N, C, L]`).
  let within, rowsBefore: Int
  /// Channels a position has, whatever axes they lie along.
  let channels: Int
  /// Positions a sequence of `length` bases gives fewer than `length`.
  public let deficit: Int
  /// Input position of the first output.
  public let first: Int
  public let back, ahead: Int
  public let activation: OutputActivation
  /// How far the labels were shifted downstream: output `n` predicts base `n - offset`.
  public let offset: Int

  /// Flat entry of the first position's channel in a pass with this many output positions.
  func base(positions: Int) -> Int { within + rowsBefore * positions }

  /// Flat entry of output `n` in a pass over `length` bases (the network's length) that starts at strand position `start`.
  func entry(of output: Int, passStart start: Int, length: Int) -> Int {
    base(positions: length - deficit) + (output - start - first) * stride
  }

  /// Bases on each side that a summed score of a stretch depends on.
  public var flank: Int { max(0, back + ahead) }

  /// Outputs that exist when all of a strand is one long pass.
  /// - Parameter bounds: positions that exist (``StrandBases/bounds``).
  public func outputs(within bounds: Range<Int>) -> Range<Int> {
    let start = bounds.lowerBound + first
    return start..<max(start, bounds.upperBound + first - deficit)
  }

  /// Outputs that edits of `bases` move.
  public func outputs(movedBy bases: Range<Int>) -> Range<Int> {
    guard !bases.isEmpty, back + ahead >= 0 else { return bases.lowerBound..<bases.lowerBound }
    return bases.lowerBound - ahead..<bases.upperBound + back
  }

  /// Bases that `outputs` read, beyond contig ends too.
  public func bases(readBy outputs: Range<Int>) -> Range<Int> {
    guard !outputs.isEmpty, back + ahead >= 0 else { return outputs.lowerBound..<outputs.lowerBound }
    return outputs.lowerBound - back..<outputs.upperBound + ahead
  }
}

/// What a model is, as settled from settings and graph.
public enum SettledKind: Hashable, Sendable {
  case window
  case position(PositionLayout)
}

extension Network {
  /// Settles whether the model has one set of outputs a window or one output a base.
  ///
  /// Undeclared, a model is per-position when its only output has a position axis of step 1 and the input's length;
  /// it is per-window when no output has such an axis; anything between must be declared.
  public func settledKind(_ settings: OutputSettings) throws(AttributionError) -> SettledKind {
    if let alphabet = settings.alphabet, alphabet.uppercased() != "ACGT" {
      throw .contradiction(
        reason: "the model's rows are \(alphabet); only ACGT is supported: reorder them in the export")
    }
    if settings.kind == .window { return .window }
    let dependences = graph.dependences
    let patterns = graph.patterns
    let windows = graph.outputs.enumerated().compactMap { number, value -> (Int, PositionWindow)? in
      guard case .window(let window) = dependences[value], window.step == 1, window.axis > 0,
        patterns[value] == nil
      else { return nil }
      return (number, window)
    }
    let full = windows.filter { graph.values[graph.outputs[$0.0]].shape[$0.1.axis] == describedLength }
    if settings.kind == nil {
      if full.isEmpty { return .window }
      guard full.count == 1, outputs.count == 1 else {
        throw .ambiguousOutput(
          reason: "the model has \(outputs.count) outputs, \(full.count) with one entry a base",
          cure: "say --output-kind window or --output-kind position")
      }
    }
    guard windows.count == 1 else {
      let pattern = graph.outputs.lazy.compactMap { patterns[$0] }.first.map {
        "node '\($0.name)' (\($0.op.kind)) repeats, reflects, spreads or joins entries, so that a base's output depends on where its "
          + "window starts"
      }
      throw .ambiguousOutput(
        reason: windows.isEmpty
          ? pattern
            ?? "no output of the model has an axis whose entries each read a bounded window of bases, one entry a base"
          : "\(windows.count) outputs have one entry a base",
        cure: windows.isEmpty
          ? "score it by windows: --output-kind window and a target of a window's entries, such as --target 0:sum or 0:FIRST-LAST"
          : "score it by windows (--output-kind window), or export the model with that output alone")
    }
    if let node = graph.positionDependentNode {
      throw .ambiguousOutput(
        reason: "node '\(node.name)' (\(node.op.kind)) uses numbers that depend on the position in the window, so "
          + "that a base's output depends on where its window starts",
        cure: "score it by windows (--output-kind window)")
    }
    return .position(try layout(output: windows[0].0, window: windows[0].1, settings))
  }

  private func layout(output: Int, window: PositionWindow, _ settings: OutputSettings) throws(AttributionError)
    -> PositionLayout
  {
    let shape = graph.values[graph.outputs[output]].shape
    if let step = settings.step, step != 1 {
      throw .contradiction(reason: "output step \(step): per-position models need one output a base (step 1)")
    }
    if let axis = settings.axis, shape.normalized(axis: axis) != window.axis {
      throw .contradiction(
        reason: "output axis \(axis) was declared, but positions run along axis \(window.axis) of \(shape)")
    }
    let channels = shape.count / shape[0] / max(1, shape[window.axis])
    guard let channel = settings.channel ?? (channels == 1 ? 0 : nil) else {
      throw .ambiguousOutput(
        reason: "the output has \(channels) channels a base", cure: "choose one with --output-channel (0-based)")
    }
    guard 0 <= channel, channel < channels else {
      throw .contradiction(reason: "output channel \(channel) of a model with \(channels) (0-based)")
    }
    let deficit = describedLength - shape[window.axis]
    guard let first = settings.first ?? (deficit == 0 ? 0 : nil) else {
      throw .ambiguousOutput(
        reason: "\(describedLength) bases give \(shape[window.axis]) outputs",
        cure: "say which input position the first output stands for with --output-first")
    }
    guard 0...max(0, deficit) ~= first else {
      throw .contradiction(
        reason: "--output-first \(first) (or tismscan.output.first): \(describedLength) bases give "
          + "\(shape[window.axis]) outputs, so the first stands for input position "
          + (deficit > 0 ? "0 to \(deficit)" : "0"))
    }
    // Other axes in order, the position axis left out: the channel's digits in that number system.
    var (rest, within, rowsBefore) = (channel, 0, 0)
    for axis in (1..<shape.rank).reversed() where axis != window.axis {
      let digit = rest % shape[axis]
      rest /= shape[axis]
      if axis > window.axis {
        within += digit * shape.strides[axis]
      } else {
        rowsBefore += digit * (shape.strides[axis] / shape[window.axis])
      }
    }
    return PositionLayout(
      output: output, stride: shape.strides[window.axis], within: within, rowsBefore: rowsBefore, channels: channels,
      deficit: deficit, first: first,
      back: window.back + first, ahead: window.ahead - first, activation: try activation(output, settings),
      offset: settings.offset ?? 0)
  }

  private func activation(_ output: Int, _ settings: OutputSettings) throws(AttributionError) -> OutputActivation {
    let ends = finalActivations[output] != nil
    switch settings.activation {
    case .some(.logit) where ends && !isPreActivation:
      throw .contradiction(
        reason: "the output was declared a logit, but the model ends in a sigmoid or softmax: say "
          + "--output-activation probability, or --pre-activation")
    case .some(.probability) where !ends:
      throw .contradiction(
        reason: "the output was declared a probability, but no sigmoid or softmax ends the model, so its logits cannot "
          + "be found: export the logits and say --output-activation logit")
    case .some(let declared): return declared
    case .none where ends: return .probability
    case .none:
      throw .ambiguousOutput(
        reason: "the graph does not say what an output of one a base stands for",
        cure: "say --output-activation logit (log-odds of a site) or none (any other number)")
    }
  }

  /// True when the settled layout needs the same network with `preActivation`.
  public func needsPreActivation(_ layout: PositionLayout) -> Bool {
    layout.activation == .probability && !isPreActivation
  }
}
