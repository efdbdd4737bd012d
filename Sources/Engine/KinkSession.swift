internal import NetworkGraph
internal import Tensors

/// A decision so near its kink that float32 and float64, or a small edit, may take different sides of it.
public struct NearKink: Sendable {
  /// The node that decides.
  public let node: String
  /// How far apart the compared numbers are, in units of the layer's scale; 0 for equal numbers, which are equal in every
  /// precision that computed them alike.
  public let distance: Double
  /// Input positions that the compared numbers read; `nil` for all of them.
  public let positions: Range<Int>?
  /// Root mean square of what the operator reads.
  let scale: Double
  /// How much the derivative of the target along the compared number changes with the side that is taken.
  let weight: Double
  let element: (value: Graph.ValueID, index: Int)
  let rival: (value: Graph.ValueID, index: Int)?
}

/// What one backward pass says about a reference: the gradient of a target, which decisions it hangs on, and how roundings
/// of the activations reach it.
public struct ReferenceSurvey: Sendable {
  /// With respect to the one-hot input, row-major `[batch, length, 4]`.
  public let gradient: [Float]
  /// Near decisions that the target depends on.
  public let kinks: [NearKink]
  /// Standard deviation of the target, in units of the relative rounding error of one operation, when every activation is
  /// summed in float64 where that is possible and rounded once to float32; and when every sum is a float32 chain.
  public let preciseRounding, singleRounding: Double
}

/// Looks for kinks at a reference, by a forward and a backward pass with every activation kept.
///
/// A decision counts when its compared numbers are within `margin` of each other, relative to the root mean square of what
/// its operator reads, and the target's derivative reaches it. See docs/numerics.md.
public struct KinkSession: ~Copyable {
  private var session: Session
  private let dependences: [Dependence]

  /// - Parameter program: compiled as it is, so that every pre-activation is kept.
  public init(_ program: Program) {
    session = Session(program, for: .gradient)
    dependences = program.graph.dependences
  }

  /// Runs the network in float32, as predictions and TISM do.
  public mutating func forward(_ fill: (UnsafeMutableBufferPointer<Float>) -> Void) { session.forward(fill) }

  /// The elements of output `index` from the last `forward`.
  public func withOutput<R>(_ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try session.withOutput(index, body)
  }

  /// Every activation of the last `forward`.
  public struct Activations {
    fileprivate let ofNodes: [[[Float]]]
  }

  public var activations: Activations {
    Activations(
      ofNodes: session.program.graph.nodes.map { node in node.outputs.map { Array(session.view(of: $0).elements) } })
  }

  /// Surveys the target `sum(seed * output)` at the last `forward`.
  /// - Parameters:
  ///   - margin: relative to the layer's scale; 0 looks for no kinks.
  ///   - origin: activations that differences were added to: an activation errs by the larger of the two.
  public mutating func survey(
    seeds: [(output: Int, weights: [Float])], margin: Double, from origin: Activations? = nil
  ) -> ReferenceSurvey {
    let program = session.program
    let dependences = dependences
    var kinks: [NearKink] = []
    var (precise, single) = (0.0, 0.0)
    let gradient = session.gradient(
      seeds: seeds,
      visiting: { index, forward, gradients in
        let step = program.steps[index]
        guard !step.op.aliasesInput else { return }
        let squares = forward.outputs.indices.reduce(0.0) {
          $0 + Self.squares(forward.outputs[$1].elements, origin?.ofNodes[index][$1], gradients[$1].elements)
        }
        let terms = Double(step.op.multiplyAdds / max(1, forward.outputs.reduce(0) { $0 + $1.shape.count }))
        single += squares * max(1, terms)
        precise += squares * (step.op.roundsOnce ? 1 : max(1, terms))
        guard margin > 0, let deciding = step.op as? any DecidingOperator else { return }
        Self.collect(deciding, step, program.graph, index, dependences, forward, gradients[0], margin, into: &kinks)
      }
    ) { Array($0) }
    return ReferenceSurvey(
      gradient: gradient, kinks: kinks, preciseRounding: precise.squareRoot(), singleRounding: single.squareRoot())
  }

  /// At most how much the slope of the surveyed target along an edit depends on the sides that decisions take.
  ///
  /// Only decisions count that a step along the edit can reach, or that lie within rounding. Runs the network on an edited
  /// input to see how the compared numbers move with it; the reference has to be set again.
  /// - Parameters:
  ///   - kinks: of a survey at the last `forward`.
  ///   - step: how far along the edit the slope was taken.
  ///   - rounding: relative to the layer's scale.
  ///   - probe: the scale of the edit in `fill`; small, so that compared numbers move in proportion.
  public mutating func slopeInDoubt(
    _ kinks: [NearKink], step: Double, rounding: Double, probe: Double,
    edited fill: (UnsafeMutableBufferPointer<Float>) -> Void
  ) -> Double {
    let before = kinks.map { compared($0) }
    session.forward(fill)
    return zip(kinks, before).reduce(0) { sum, pair in
      let (kink, old) = pair
      let slope = abs(compared(kink) - old) / probe
      let reaches = kink.distance * kink.scale <= step * slope + rounding * kink.scale
      // An infinite jump counts only where something moves.
      return slope > 0 && reaches ? sum + kink.weight * slope : sum
    }
  }

  private func compared(_ kink: NearKink) -> Double {
    func element(_ place: (value: Graph.ValueID, index: Int)) -> Double {
      Double(session.view(of: place.value).base[place.index])
    }
    return element(kink.element) - (kink.rival.map(element) ?? 0)
  }

  /// Sum of `(value * gradient)^2`, of the larger of two values.
  private static func squares(
    _ values: UnsafeMutableBufferPointer<Float>, _ others: [Float]?, _ gradients: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    var sum = 0.0
    for index in 0..<values.count where gradients[index] != 0 {
      let value = max(abs(values[index]), abs(others?[index] ?? 0))
      let product = Double(value) * Double(gradients[index])
      sum += product * product
    }
    return sum
  }

  private static func collect(
    _ deciding: any DecidingOperator, _ step: Program.Step, _ graph: Graph, _ index: Int, _ dependences: [Dependence],
    _ forward: ForwardCall, _ gradient: MutableTensorView, _ margin: Double, into kinks: inout [NearKink]
  ) {
    let scale = rootMeanSquare(
      zip(step.inputs, forward.inputs).filter { graph.values[$0.0].constant == nil }.map(\.1))
    guard scale > 0 else { return }
    deciding.decisions(
      within: Float(margin * scale), inputs: forward.inputs, output: forward.outputs[0].readOnly
    ) { decision in
      let slope = abs(Double(gradient.base[decision.output]))
      guard slope > 0 else { return }
      func place(_ place: Decision.Place) -> (value: Graph.ValueID, index: Int) {
        (step.inputs[place.operand], place.element)
      }
      let (element, rival) = (place(decision.element), decision.rival.map(place))
      kinks.append(
        NearKink(
          node: graph.nodes[index].name, distance: Double(decision.distance) / scale,
          positions: positions(read: [element] + (rival.map { [$0] } ?? []), graph, dependences),
          scale: scale, weight: slope * Double(decision.jump), element: element, rival: rival))
    }
  }

  private static func rootMeanSquare(_ views: [TensorView]) -> Double {
    var (sum, count) = (0.0, 0)
    for view in views {
      for value in view.elements { sum += Double(value) * Double(value) }
      count += view.shape.count
    }
    return count == 0 ? 0 : (sum / Double(count)).squareRoot()
  }

  /// Input positions that some elements read; `nil` when any may be among them.
  private static func positions(
    read elements: [(value: Graph.ValueID, index: Int)], _ graph: Graph, _ dependences: [Dependence]
  ) -> Range<Int>? {
    var result: Range<Int>?
    for element in elements {
      switch dependences[element.value] {
      case .nothing: continue
      case .everything: return nil
      case .window(let window):
        let shape = graph.values[element.value].shape
        let entry = element.index / shape.strides[window.axis] % shape[window.axis]
        let (low, high) = (window.step * entry - window.back, window.step * entry + window.ahead + 1)
        guard low < high else { continue }
        let range = (low..<high).clamped(to: 0..<graph.length)
        result = result.map { min($0.lowerBound, range.lowerBound)..<max($0.upperBound, range.upperBound) } ?? range
      }
    }
    return result ?? 0..<0
  }
}
