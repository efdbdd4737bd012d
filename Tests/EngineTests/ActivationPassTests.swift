import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Activations as exporters spell them")
struct ActivationPassTests {
  /// A graph of the sequence's numbers, widened so that every part of an activation is met, under construction.
  struct Spelling {
    var builder: GraphBuilder
    var count = 0

    init() { builder = GraphBuilder(batch: 1, length: 40) }

    mutating func constant(_ value: Double) -> Graph.ValueID {
      // As a file holds it.
      builder.constant(ConstantTensor(shape: [], values: [Double(Float(value))]), name: "constant")
    }
    mutating func callAsFunction(_ function: UnaryFunction, _ x: Graph.ValueID) throws -> Graph.ValueID {
      count += 1
      return try builder.apply(Unary(function), to: x, name: "node \(count)")
    }
    mutating func callAsFunction(
      _ function: BinaryFunction, _ a: Graph.ValueID, _ b: Graph.ValueID
    ) throws -> Graph.ValueID {
      count += 1
      return try builder.apply(Binary(function), to: a, b, name: "node \(count)")
    }
    mutating func callAsFunction(
      _ function: BinaryFunction, _ a: Graph.ValueID, by number: Double
    ) throws -> Graph.ValueID {
      let b = constant(number)
      return try self(function, a, b)
    }

    mutating func callAsFunction(
      _ function: BinaryFunction, _ number: Double, to a: Graph.ValueID
    ) throws -> Graph.ValueID {
      let constant = constant(number)
      return try self(function, constant, a)
    }

    mutating func gelu(_ x: Graph.ValueID) throws -> Graph.ValueID {
      let error = try self(.erf, self(.divide, x, by: 2.0.squareRoot()))
      return try self(.multiply, self(.multiply, x, self(.add, error, by: 1)), by: 0.5)
    }

    mutating func geluTanh(_ x: Graph.ValueID, cubic: Double = 0.044715) throws -> Graph.ValueID {
      let inner = try self(.add, x, self(.multiply, self(.power, x, by: 3), by: cubic))
      let tanh = try self(.tanh, self(.multiply, inner, by: 0.7978845608028654))
      return try self(.multiply, self(.multiply, x, by: 0.5), self(.add, tanh, by: 1))
    }
  }

  /// What a spelling becomes: the kinds of all nodes that are left.
  static let spellings:
    [(name: String, kinds: [String], spell: @Sendable (inout Spelling, Graph.ValueID) throws -> Graph.ValueID)] = [
      ("gelu", ["Gelu"], { try $0.gelu($1) }),
      (
        "gelu with half of x first", ["Gelu"],
        {
          let error = try $0(.erf, $0(.multiply, $1, by: 0.7071067811865476))
          return try $0(.multiply, $0(.add, error, by: 1), $0(.multiply, $1, by: 0.5))
        }
      ),
      ("gelu by tanh", ["Gelu(tanh)"], { try $0.geluTanh($1) }),
      ("silu", ["Swish"], { try $0(.multiply, $1, $0(.sigmoid, $1)) }),
      ("quick gelu", ["Swish"], { try $0(.multiply, $0(.sigmoid, $0(.multiply, $1, by: 1.702)), $1) }),
      ("mish", ["Mish"], { try $0(.multiply, $1, $0(.tanh, $0(.softplus, $1))) }),
      ("softplus", ["Softplus"], { try $0(.log, $0(.add, $0(.exp, $1), by: 1)) }),
      ("gelu of gelu", ["Gelu", "Gelu"], { try $0.gelu($0.gelu($1)) }),
      ("sigmoid", ["Sigmoid"], { try $0(.reciprocal, $0(.add, $0(.exp, $0(.negate, $1)), by: 1)) }),
      ("an activation and what follows", ["Sigmoid", "Log"], { try $0(.log, $0(.sigmoid, $1)) }),
      // Guards from zero, however small, and kinks stay.
      ("sigmoid with a guard", ["Sigmoid", "Add", "Log"], { try $0(.log, $0(.add, $0(.sigmoid, $1), by: 1e-8)) }),
      (
        "sigmoid with a guard before", ["Sigmoid", "Add", "Reciprocal"],
        { try $0(.reciprocal, $0(.add, 1e-15, to: $0(.sigmoid, $1))) }
      ),
      (
        "sigmoid between bounds", ["Sigmoid", "Clip", "Log"],
        { try $0(.log, $0(.clip(minimum: 1e-7, maximum: 1 - 1e-7), $0(.sigmoid, $1))) }
      ),
      ("relu with a guard", ["Relu", "Add", "Log"], { try $0(.log, $0(.add, $0(.relu, $1), by: 1e-8)) }),
      ("a maximum with a guard", ["Max", "Add"], { try $0(.add, $0(.maximum, $1, by: 0), by: 1e-10) }),
      ("a line", ["Mul", "Mul"], { try $0(.multiply, $0(.multiply, $1, by: 1e-9), by: 0.5e9) }),
      (
        "a smooth kink", ["Mul", "Add", "Sqrt", "Add", "Mul"],
        {
          let root = try $0(.sqrt, $0(.add, $0(.multiply, $1, $1), by: 1e-8))
          return try $0(.multiply, $0(.add, $1, root), by: 0.5)
        }
      ),
      // These are no activation of ours.
      (
        "another cubic term", ["Pow", "Mul", "Add", "Mul", "Tanh", "Mul", "Add", "Mul"],
        { try $0.geluTanh($1, cubic: 0.045) }
      ),
      ("a sum of two", ["Sigmoid", "Add"], { try $0(.add, $1, $0(.sigmoid, $1)) }),
      (
        "of two variables", ["Tanh", "Exp", "Sigmoid", "Mul"],
        { try $0(.multiply, $0(.exp, $0(.tanh, $1)), $0(.sigmoid, $1)) }
      ),
    ]

  @Test(
    "one operator takes the place of a spelling and nothing else, with its values and gradient",
    arguments: spellings.indices)
  func spelled(_ index: Int) throws {
    let (_, kinds, spell) = Self.spellings[index]
    var spelling = Spelling()
    // A result of another node, as every activation's input is; far into the tails, where guards matter.
    let x = try spelling(.multiply, spelling.builder.sequence, by: 16)
    let y = try spell(&spelling, x)
    let graph = spelling.builder.graph(outputs: [y])
    let simplified = graph.simplified()
    #expect(simplified.nodes.dropFirst().map(\.op.kind) == kinds)

    var random = SplitMix64(seed: UInt64(index))
    let input = random.floats(count: 160)
    let expected = try graph.evaluate(ConstantTensor(shape: [1, 40, 4], floats: input))[0].values
    var session = Session(try Program(simplified), for: .gradient)
    session.forward { _ = $0.update(from: input) }
    let got = session.withOutput(0) { Array($0) }
    // Of its own size down to the far tails, where one function took the place; others lose what their spelling cancels.
    let floor = kinds.count == 1 ? 1e-14 : 1e-6
    for (a, b) in zip(got, expected) { #expect(abs(Double(a) - b) <= 2e-6 * abs(b) + floor) }
    var plain = Session(try Program(graph), for: .gradient)
    plain.forward { _ = $0.update(from: input) }
    let ones = [Float](repeating: 1, count: 160)
    let gradient = session.gradient(seeds: [(0, ones)]) { Array($0) }
    let wanted = plain.gradient(seeds: [(0, ones)]) { Array($0) }
    for (a, b) in zip(gradient, wanted) { #expect(abs(a - b) <= 2e-5 * max(1, abs(b))) }
  }

  @Test("a part that others read stays")
  func partIsRead() throws {
    var spelling = Spelling()
    let x = try spelling(.multiply, spelling.builder.sequence, by: 4)
    let sigmoid = try spelling(.sigmoid, x)
    let silu = try spelling(.multiply, x, sigmoid)
    let kinds = spelling.builder.graph(outputs: [silu, sigmoid]).simplified().nodes.map(\.op.kind)
    #expect(kinds == ["Mul", "Sigmoid", "Swish"])
  }
}
