import Foundation
import NetworkGraph
import Operators
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

@testable import ONNXImport

/// LSTM and GRU nodes as the standard has them, field by field.
@Suite("Recurrent nodes")
struct RecurrentRuleTests {
  let folder = TemporaryFolder()

  /// Two units, three inputs, four steps, two sequences.
  private static let (units, inputs, length, sequences) = (2, 3, 4, 2)

  private static func numbers(_ count: Int, _ seed: Int) -> [Float] {
    (0..<count).map { Float(($0 * 37 + seed * 11) % 29 - 14) / 16 }
  }

  /// `[a, b, rest] -> [b, a, rest]`
  private static func exchanged(_ values: [Float], _ a: Int, _ b: Int, _ rest: Int) -> [Float] {
    var result: [Float] = []
    for j in 0..<b {
      for i in 0..<a {
        let first = (i * b + j) * rest
        result += values[first..<first + rest]
      }
    }
    return result
  }

  private static func text(_ name: String, _ value: String) -> Onnx_AttributeProto {
    SmallModel.attribute(name) {
      $0.type = .string
      $0.s = Data(value.utf8)
    }
  }

  private static func names(_ name: String, _ values: [String]) -> Onnx_AttributeProto {
    SmallModel.attribute(name) { attribute in
      attribute.type = .strings
      attribute.strings = values.map { Data($0.utf8) }
    }
  }

  /// A model whose outputs are those of one node on a constant sequence.
  private static func model(
    _ op: String, direction: String, layout: Int = 0, opset: Int64 = 14, extra: [Onnx_AttributeProto] = [],
    change: (inout Onnx_NodeProto) -> Void = { _ in }
  ) -> Onnx_ModelProto {
    let gates = op == "LSTM" ? 4 : 3
    let directions = direction == "bidirectional" ? 2 : 1
    let rows = gates * units
    func ordered(_ values: [Float], _ first: Int, _ rest: Int) -> [Float] {
      layout == 0 ? values : exchanged(values, first, sequences, rest)
    }
    let states: [Int64] =
      layout == 0
      ? [Int64(directions), Int64(sequences), Int64(units)] : [Int64(sequences), Int64(directions), Int64(units)]
    let x: [Int64] =
      layout == 0
      ? [Int64(length), Int64(sequences), Int64(inputs)] : [Int64(sequences), Int64(length), Int64(inputs)]
    let tensors = [
      SmallModel.floats("X", x, ordered(numbers(length * sequences * inputs, 6), length, inputs)),
      SmallModel.floats(
        "W", [Int64(directions), Int64(rows), Int64(inputs)], numbers(directions * rows * inputs, 1)),
      SmallModel.floats("R", [Int64(directions), Int64(rows), Int64(units)], numbers(directions * rows * units, 2)),
      SmallModel.floats("B", [Int64(directions), Int64(2 * rows)], numbers(directions * 2 * rows, 3)),
      SmallModel.floats("h", states, ordered(numbers(directions * sequences * units, 4), directions, units)),
      SmallModel.floats("c", states, ordered(numbers(directions * sequences * units, 5), directions, units)),
      SmallModel.integers("lengths", [4, 4]), SmallModel.integers("shorter", [4, 3]),
    ]
    var attributes = [SmallModel.int("hidden_size", Int64(units)), text("direction", direction)] + extra
    if layout != 0 { attributes.append(SmallModel.int("layout", Int64(layout))) }
    let outputs = op == "LSTM" ? ["Y", "Y_h", "Y_c"] : ["Y", "Y_h"]
    var node = SmallModel.node(
      op, ["X", "W", "R", "B", "", "h"] + (op == "LSTM" ? ["c"] : []), outputs, name: "recurrent", attributes)
    change(&node)
    return SmallModel.model(outputs: outputs, nodes: [node], tensors: tensors, opset: opset)
  }

  private func run(_ model: Onnx_ModelProto) throws -> [ConstantTensor] {
    let graph = try ModelFile(path: folder.write(model)).graph(batch: 1, length: 8)
    return try graph.evaluate(ConstantTensor(shape: [1, 8, 4], floats: [Float](repeating: 0, count: 32)))
  }

  struct Truth: CustomTestStringConvertible, Sendable {
    let op: String
    let resetAfter: Int64?
    let values: [[Double]]
    var testDescription: String { resetAfter.map { "\(op) linear_before_reset \($0)" } ?? op }
    var extra: [Onnx_AttributeProto] { resetAfter.map { [SmallModel.int("linear_before_reset", $0)] } ?? [] }
  }

  /// Y, Y_h and Y_c of the bidirectional node by onnxruntime 1.31.
  static let truths = [
    Truth(
      op: "LSTM", resetAfter: nil,
      values: [
        [
          0.176329, -0.232734, 0.144892, -0.14229, -0.17116, 0.107667, -0.144131, 0.152476, -0.057605, -0.41837,
          -0.074448, -0.377869, -0.142343, 0.192979, -0.098198, 0.250507, -0.130978, -0.341625, 0.214961, -0.275046,
          -0.400566, -0.021758, -0.183714, 0.086751, 0.108907, -0.317171, 0.039838, -0.286004, -0.164901, -0.103297,
          -0.110224, 0.168513,
        ], [0.108907, -0.317171, 0.039838, -0.286004, -0.17116, 0.107667, -0.144131, 0.152476],
        [0.129728, -0.883606, 0.044375, -0.755106, -1.017729, 0.328791, -1.000595, 0.453955],
      ]),
    Truth(
      op: "GRU", resetAfter: 0,
      values: [
        [
          -0.030798, -0.102442, -0.63853, -0.531136, -0.436127, 0.332863, -0.601174, 0.127442, 0.104733, -0.534813,
          -0.312051, -0.697348, -0.313347, 0.467733, -0.560323, 0.180697, 0.482165, 0.031081, -0.187625, -0.780478,
          0.318475, 0.719152, -0.538959, -0.03251, 0.402868, -0.431798, -0.19504, -0.804105, -0.315875, 0.612274,
          -0.61549, -0.007036,
        ], [0.402868, -0.431798, -0.19504, -0.804105, -0.436127, 0.332863, -0.601174, 0.127442],
      ]),
    Truth(
      op: "GRU", resetAfter: 1,
      values: [
        [
          -0.158369, -0.037628, -0.727378, -0.484326, -0.226085, 0.413903, -0.455307, 0.142659, -0.253902, -0.472546,
          -0.640464, -0.659258, -0.03712, 0.539005, -0.35844, 0.148046, 0.244883, 0.165363, -0.539673, -0.718708,
          0.514413, 0.717003, -0.409805, -0.010322, 0.072349, -0.283419, -0.54429, -0.729121, -0.181751, 0.610679,
          -0.558551, 0.011987,
        ], [0.072349, -0.283419, -0.54429, -0.729121, -0.226085, 0.413903, -0.455307, 0.142659],
      ]),
  ]

  @Test("both directions, biases and initial states give what onnxruntime gives", arguments: truths, [7, 14, 22])
  func truth(_ truth: Truth, opset: Int64) throws {
    let outputs = try run(Self.model(truth.op, direction: "bidirectional", opset: opset, extra: truth.extra))
    #expect(outputs.map(\.shape) == [[4, 2, 2, 2], [2, 2, 2], [2, 2, 2]].prefix(truth.values.count).map { $0 })
    for (got, wanted) in zip(outputs, truth.values) {
      #expect(zip(got.values, wanted).allSatisfy { abs($0 - $1) <= 1e-6 })
    }
  }

  @Test("layout 1 is layout 0 with sequences first", arguments: truths, ["forward", "reverse", "bidirectional"])
  func layouts(_ truth: Truth, direction: String) throws {
    let plain = try run(Self.model(truth.op, direction: direction, extra: truth.extra))
    let other = try run(Self.model(truth.op, direction: direction, layout: 1, extra: truth.extra))
    let orders = [[2, 0, 1, 3], [1, 0, 2], [1, 0, 2]]
    for (index, (a, b)) in zip(plain, other).enumerated() {
      let moved = try Transpose(permutation: orders[index]).evaluate([a])[0]
      #expect(moved.shape == b.shape && moved.values == b.values)
    }
  }

  @Test("the last states are those of Y after each direction's last step", arguments: truths)
  func lastStates(_ truth: Truth) throws {
    for (direction, step) in [("forward", 3), ("reverse", 0)] {
      let outputs = try run(Self.model(truth.op, direction: direction, extra: truth.extra))
      #expect(Array(outputs[0].values[4 * step..<4 * step + 4]) == outputs[1].values)
    }
  }

  @Test("what is not supported is refused by name; sequence lengths that say nothing are taken")
  func refusals() throws {
    func refusal(_ model: Onnx_ModelProto) throws -> String {
      let error = #expect(throws: ModelError.self) { try run(model) }
      return error?.description ?? ""
    }
    let base = { (extra: [Onnx_AttributeProto]) in Self.model("LSTM", direction: "forward", extra: extra) }
    for (model, words) in [
      (Self.model("LSTM", direction: "forward") { $0.input.append("c") }, ["peepholes", "input P"]),
      (Self.model("LSTM", direction: "forward") { $0.input[4] = "shorter" }, ["sequence_lens"]),
      (Self.model("GRU", direction: "sideways"), ["direction 'sideways'"]),
      (base([Self.names("activations", ["Sigmoid", "Relu", "Tanh"])]), ["activations Sigmoid, Relu, Tanh"]),
      (base([SmallModel.int("input_forget", 1)]), ["input_forget"]),
      (base([SmallModel.attribute("clip") { $0.f = 2 }]), ["clip"]),
      (base([SmallModel.int("layout", 2)]), ["layout 2"]),
      (
        Self.model("GRU", direction: "bidirectional") { $0.attribute[1] = Self.text("direction", "forward") },
        ["2, 6, 3", "1 directions"]
      ),
      (Self.model("LSTM", direction: "forward") { $0.input[2] = "W" }, ["weights"]),
    ] {
      let message = try refusal(model)
      for word in ["'recurrent'"] + words { #expect(message.contains(word), "'\(word)' in: \(message)") }
    }
    let plain = try run(Self.model("LSTM", direction: "forward"))
    let given = try run(Self.model("LSTM", direction: "forward") { $0.input[4] = "lengths" })
    #expect(plain.map(\.values) == given.map(\.values))
    let named = try run(base([Self.names("activations", ["sigmoid", "Tanh", "TANH"])]))
    #expect(plain.map(\.values) == named.map(\.values))
  }
}
