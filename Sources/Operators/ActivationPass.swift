internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Finds smooth activations that exporters spell out (GELU as `x / sqrt(2)`, `Erf`, `+ 1`, `* x`, `* 0.5`; SiLU as `Sigmoid`
/// and `Mul`) and puts the one function in their place: one pass over memory in place of up to eight, and one rounding.
///
/// An expression of one variable is recognised by its values at sampled points, in float64, however it is spelled.
/// Functions with kinks stay as they are written: what a gradient takes at a tie depends on the spelling.
struct ActivationPass {
  /// What a value is of one of the values that it is computed from.
  private struct Expression {
    let root: Graph.ValueID
    /// At ``points``.
    let samples: [Double]
    /// Nodes from the root to the value.
    let nodes: Int
    /// The constants that take part: a spelled `x * sigmoid(alpha * x)` has its slope among them.
    let constants: [Double]
  }

  /// From where an activation is curved to where float32 is flat, on both sides.
  private static let points: [Double] = {
    let curved = (0..<160).map { 0.05 * Double($0) + 0.013 }
    let flat = (1...24).map { 8.0 * Double($0) }
    let positive = curved + flat + [1e3, 1e4]
    return positive + positive.map { -$0 }
  }()
  /// Longest expression that is followed: GELU's form with `Tanh` has nine nodes.
  private static let longest = 12
  /// The constants in a file are rounded to float32, 6e-8 of each.
  private static let tolerance = 3e-7

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
    [Expression(root: value, samples: Self.points, nodes: 0, constants: [])] + (expressions[value] ?? [])
  }

  private func values(of node: Graph.Node) -> [Expression] {
    if let unary = node.op as? Unary {
      return all(node.inputs[0]).compactMap { x in
        expression(x.root, node, x.nodes + 1, x.constants) { unary.function.value(x.samples[$0]) }
      }
    }
    guard let binary = node.op as? Binary else { return [] }
    let constants = node.inputs.map { graph.values[$0].constant }
    switch (constants[0], constants[1]) {
    case (let c?, nil) where c.shape.count == 1:
      return all(node.inputs[1]).compactMap { x in
        expression(x.root, node, x.nodes + 1, x.constants + c.values) {
          binary.function.value(c.values[0], x.samples[$0])
        }
      }
    case (nil, let c?) where c.shape.count == 1:
      return all(node.inputs[0]).compactMap { x in
        expression(x.root, node, x.nodes + 1, x.constants + c.values) {
          binary.function.value(x.samples[$0], c.values[0])
        }
      }
    case (nil, nil):
      return all(node.inputs[0]).flatMap { a in
        all(node.inputs[1]).filter { $0.root == a.root }.compactMap { b in
          expression(a.root, node, a.nodes + b.nodes + 1, a.constants + b.constants) {
            binary.function.value(a.samples[$0], b.samples[$0])
          }
        }
      }
    default: return []
    }
  }

  /// `nil` where it grows too long or a constant gives the result another shape.
  private func expression(
    _ root: Graph.ValueID, _ node: Graph.Node, _ nodes: Int, _ constants: [Double], _ value: (Int) -> Double
  ) -> Expression? {
    guard nodes <= Self.longest, graph.values[node.outputs[0]].shape == graph.values[root].shape else { return nil }
    return Expression(root: root, samples: Self.points.indices.map(value), nodes: nodes, constants: constants)
  }

  private static func function(with expression: Expression) -> UnaryFunction? {
    let slopes = [1] + expression.constants + expression.constants.map { 1 / $0 }
    let candidates: [UnaryFunction] =
      [.gelu, .geluTanh, .mish, .softplus, .sigmoid]
      + slopes.filter { $0.isFinite && $0 != 0 }.map { .swish(alpha: $0) }
    return candidates.first { candidate in
      zip(points, expression.samples).allSatisfy { x, sample in
        // What overflows in the spelled form only is the better for not being spelled.
        (abs(x) > 80 && !sample.isFinite) || abs(candidate.value(x) - sample) <= tolerance * max(1, abs(sample))
      }
    }
  }
}
