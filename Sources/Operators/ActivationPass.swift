internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Finds smooth activations that exporters spell out (GELU as `x / sqrt(2)`, `Erf`, `+ 1`, `* x`, `* 0.5`; SiLU as `Sigmoid`
/// and `Mul`) and puts the one function in their place: one pass over memory in place of up to eight, and one rounding.
///
/// An expression of one variable is recognised by its values at sampled points, in float64, whatever the order of its terms.
/// It may hold smooth functions only (what a gradient takes at a kink depends on the spelling) and add no constant but 1: the
/// small ones that guard a logarithm or a quotient from zero stay where they are.
struct ActivationPass {
  /// What a value is of one of the values that it is computed from.
  fileprivate struct Expression {
    let root: Graph.ValueID
    /// At ``points``.
    let samples: [Double]
    /// Nodes from the root to the value.
    let nodes: Int
    /// The constants that multiply: a spelled `x * sigmoid(alpha * x)` has its slope among them.
    let factors: [Double]
    /// Whether there is a function in it.
    let isCurved: Bool
  }

  /// From where an activation is curved to where float32 is flat, on both sides.
  private static let points: [Double] = {
    let curved = (0..<160).map { 0.05 * Double($0) + 0.013 }
    let flat = (1...24).map { 8.0 * Double($0) }
    let positive = curved + flat + [1e3, 1e4]
    return positive + positive.map { -$0 }
  }()
  /// Longest expression that is followed: GELU's form with `Tanh` has eight nodes.
  private static let longest = 12
  /// Of the constants in a file, which are rounded to float32.
  private static let tolerance = 3e-7
  /// Slopes of SiLU that are told from a straight line and a kink.
  private static let slopes = 1.0 / 64...64

  private var graph: Graph
  private var expressions: [Graph.ValueID: [Expression]] = [:]

  init(_ graph: Graph) { self.graph = graph }

  mutating func run() -> Graph {
    for (index, node) in graph.nodes.enumerated() where node.outputs.count == 1 {
      let found = values(of: node)
      expressions[node.outputs[0]] = found
      // From the farthest root, so that an activation within an activation does not end the search.
      for expression in found.sorted(by: { $0.nodes > $1.nodes }) where expression.nodes > 1 {
        guard let function = Self.function(with: expression) else { continue }
        graph.nodes[index].op = Unary(function)
        graph.nodes[index].inputs = [expression.root]
        break
      }
    }
    return graph.withoutUnusedNodes()
  }

  /// A value as an expression of itself and of what it is computed from.
  private func all(_ value: Graph.ValueID) -> [Expression] {
    [Expression(root: value, samples: Self.points, nodes: 0, factors: [], isCurved: false)] + (expressions[value] ?? [])
  }

  private func values(of node: Graph.Node) -> [Expression] {
    let found: [Expression]
    if let unary = node.op as? Unary, unary.function.isSpelledWith {
      found = all(node.inputs[0]).map { x in
        Expression(
          root: x.root, samples: x.samples.map(unary.function.value), nodes: x.nodes + 1, factors: x.factors,
          isCurved: true)
      }
    } else if let binary = node.op as? Binary {
      let constants = node.inputs.map { graph.values[$0].constant }
      let numbers = constants.map { $0?.shape.count == 1 ? $0?.values[0] : nil }
      switch (numbers[0], numbers[1]) {
      case (let number?, nil):
        found = all(node.inputs[1]).compactMap { binary.function.joined($0, number, first: true) }
      case (nil, let number?):
        found = all(node.inputs[0]).compactMap { binary.function.joined($0, number, first: false) }
      case (nil, nil) where constants.allSatisfy { $0 == nil }:
        found = all(node.inputs[0]).flatMap { a in
          all(node.inputs[1]).filter { $0.root == a.root }.compactMap { b in binary.function.joined(a, b) }
        }
      default: found = []
      }
    } else {
      found = []
    }
    // A constant of more axes may give the result another shape.
    let shape = graph.values[node.outputs[0]].shape
    return found.filter { $0.nodes <= Self.longest && graph.values[$0.root].shape == shape }
  }

  private static func function(with expression: Expression) -> UnaryFunction? {
    guard expression.isCurved else { return nil }
    let factors = [1] + expression.factors + expression.factors.map { 1 / $0 }
    let candidates: [UnaryFunction] =
      [.gelu, .geluTanh, .mish, .softplus, .sigmoid]
      + factors.filter { slopes.contains($0) }.map { .swish(alpha: $0) }
    return candidates.first { candidate in
      zip(points, expression.samples).allSatisfy { x, sample in
        // What overflows in the spelled form only is the better for not being spelled.
        if abs(x) > 80 && !sample.isFinite { return true }
        let value = candidate.value(x)
        // Of its own size in the tails too, where a power takes the error of its exponent and `1 + erf` that of float64.
        return abs(value - sample) <= tolerance * (1 + x * x) * abs(value) + 4e-16 * max(1, abs(x))
      }
    }
  }
}

extension UnaryFunction {
  /// Whether activations are spelled with it; none of these has a kink.
  fileprivate var isSpelledWith: Bool {
    switch self {
    case .erf, .tanh, .sigmoid, .softplus, .exp, .log, .reciprocal, .negate: true
    default: false
    }
  }
}

extension BinaryFunction {
  /// With a constant; `nil` for what no activation is spelled with.
  fileprivate func joined(
    _ x: ActivationPass.Expression, _ number: Double, first: Bool
  ) -> ActivationPass.Expression? {
    switch self {
    case .add, .subtract: guard abs(number) == 1 else { return nil }
    case .multiply, .divide: break
    case .power: guard !first, number == 2 || number == 3 else { return nil }
    case .maximum, .minimum: return nil
    }
    return ActivationPass.Expression(
      root: x.root, samples: x.samples.map { first ? value(number, $0) : value($0, number) }, nodes: x.nodes + 1,
      factors: x.factors + (self == .multiply || self == .divide ? [number] : []), isCurved: x.isCurved)
  }

  fileprivate func joined(
    _ a: ActivationPass.Expression, _ b: ActivationPass.Expression
  ) -> ActivationPass.Expression? {
    guard [.add, .subtract, .multiply, .divide].contains(self) else { return nil }
    return ActivationPass.Expression(
      root: a.root, samples: zip(a.samples, b.samples).map { value($0, $1) }, nodes: a.nodes + b.nodes + 1,
      factors: a.factors + b.factors, isCurved: a.isCurved || b.isCurved)
  }
}
