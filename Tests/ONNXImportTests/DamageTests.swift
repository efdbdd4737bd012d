import Foundation
import NetworkGraph
import SwiftProtobuf
import TestSupport
import Testing

@testable import ONNXImport

/// A damaged model loads or throws a ``ModelError``; it never traps, hangs or asks for absurd memory.
@Suite("Damaged files")
struct DamageTests {
  let folder = TemporaryFolder()

  static let small = ["basset_torchscript", "keras_small", "torch_symbolic", "squeeze_excitation", "float16", "bpnet"]

  /// Loads the bytes and makes the graph; anything but a ``ModelError`` fails the test.
  /// - Returns: whether the model loaded.
  @discardableResult
  private func load(_ bytes: some Sequence<UInt8>, length: Int = 64) throws -> Bool {
    let path = folder.write("damaged.onnx", bytes)
    do {
      let file = try ModelFile(path: path)
      _ = try file.graph(batch: file.supportedBatch(1), length: file.fixedLength ?? length)
      return true
    } catch let error as ModelError {
      #expect(error.description.contains("damaged.onnx"))
      return false
    }
  }

  private func bytes(of name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: ReferenceModel(name: name).path)))
  }

  @Test("a file cut off anywhere is refused", arguments: small)
  func truncated(_ name: String) throws {
    let whole = try bytes(of: name)
    var random = SplitMix64(seed: 0x7A11)
    let lengths = Array(0..<40) + (0..<80).map { _ in Int.random(in: 0..<whole.count, using: &random) }
    for length in lengths {
      // Cut between two fields of the outermost message the rest may still be a model, without its opset or graph.
      #expect(try !load(whole[..<length]), "\(length) of \(whole.count) bytes")
    }
    #expect(try load(whole))
  }

  @Test("a file with wrong bytes loads or is refused", arguments: small)
  func flipped(_ name: String) throws {
    let whole = try bytes(of: name)
    var random = SplitMix64(seed: 0xF11F)
    var refused = 0
    // Most bytes are weights; the structure is at the places that few of its bytes show.
    let structure = whole.indices.filter { (0x20..<0x7F).contains(whole[$0]) }
    for _ in 0..<250 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place =
          Bool.random(using: &random)
          ? structure.randomElement(using: &random)! : whole.indices.randomElement(using: &random)!
        damaged[place] = UInt8.random(in: 0...255, using: &random)
      }
      if try !load(damaged) { refused += 1 }
    }
    #expect(refused > 20)
  }

  /// Numbers of shapes, attributes and integer tensors are replaced by the ones that break arithmetic.
  @Test("hostile numbers in the right places load or are refused", arguments: small)
  func hostile(_ name: String) throws {
    let model = try Onnx_ModelProto(serializedBytes: Data(bytes(of: name)))
    var random = SplitMix64(seed: 0xBAD)
    let numbers: [Int64] = [.min, .max, .min + 1, -1, 0, 1, 2, 7, 1 << 31, 1 << 33, 1 << 62, -(1 << 31)]
    for _ in 0..<150 {
      var damaged = model
      for _ in 0..<2 {
        let number = numbers.randomElement(using: &random)!
        let node = damaged.graph.node.indices.randomElement(using: &random)!
        let weight = damaged.graph.initializer.indices.randomElement(using: &random)!
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
          let dims = damaged.graph.initializer[weight].dims.count
          if dims > 0 { damaged.graph.initializer[weight].dims[Int.random(in: 0..<dims, using: &random)] = number }
        case 1: damaged.graph.initializer[weight].dataType = Int32(truncatingIfNeeded: number)
        case 2:
          let axis = Int.random(in: 0..<3, using: &random)
          damaged.graph.input[0].type.tensorType.shape.dim[axis].dimValue = number
        case 3:
          let inputs = damaged.graph.node[node].input.count
          if inputs > 0 {
            damaged.graph.node[node].input[Int.random(in: 0..<inputs, using: &random)] =
              damaged.graph.node.randomElement(using: &random)!.output[0]
          }
        case 4: damaged.graph.node[node].opType = damaged.graph.node.randomElement(using: &random)!.opType
        case 5: damaged.graph.node[node].input.removeAll()
        default:
          let attributes = damaged.graph.node[node].attribute.count
          guard attributes > 0 else { continue }
          let attribute = Int.random(in: 0..<attributes, using: &random)
          damaged.graph.node[node].attribute[attribute].i = number
          let count = damaged.graph.node[node].attribute[attribute].ints.count
          if count > 0 {
            damaged.graph.node[node].attribute[attribute].ints[Int.random(in: 0..<count, using: &random)] = number
          }
        }
      }
      try load(Array(damaged.serializedData()))
    }
  }

  @Test("hostile numbers in every operator load or are refused", arguments: HostileNodes.ops)
  func hostileNodes(_ op: String) throws {
    var random = SplitMix64(seed: 0x0B5)
    for _ in 0..<40 { try load(Array(HostileNodes.model(op, &random).serializedData())) }
  }
}

/// Single nodes of every operator with attributes and integer inputs at random, from the ones that break arithmetic.
enum HostileNodes {
  static let ops: [String] = ImportRules.families.flatMap { $0.rules.keys }.sorted()

  private static let numbers: [Int64] = [
    .min, .max, -1, 0, 1, 2, 3, 4, 8, -8, 1 << 31, -(1 << 31), 1 << 40, 1 << 62,
  ]
  private static let attributes = [
    "axis", "axes", "perm", "pads", "strides", "dilations", "kernel_shape", "group", "starts", "ends", "shape", "split",
    "to", "num_outputs", "num_groups", "ceil_mode", "output_padding", "output_shape", "keepdims", "batch_dims", "upper",
    "allowzero", "start", "end", "repeats", "transA", "transB", "exclusive", "fmod", "noop_with_empty_axes",
  ]
  private static let strings = [
    "mode": ["constant", "edge", "reflect", "wrap", "nearest", "linear", "cubic"],
    "auto_pad": ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "?"],
    "coordinate_transformation_mode": ["asymmetric", "align_corners", "half_pixel", "pytorch_half_pixel"],
    "equation": ["ij,jk->ik", "nij,njk->nik", "ii,ij->j", "->", ",->", "abc,abd->acd", "...i,ij->j", "abc,cd->dab"],
  ]

  static func model(_ op: String, _ random: inout SplitMix64) -> Onnx_ModelProto {
    func few(_ random: inout SplitMix64) -> [Int64] {
      let small = Bool.random(using: &random)
      return (0..<Int.random(in: 0...4, using: &random)).map { _ in
        small ? Int64.random(in: -2...4, using: &random) : numbers.randomElement(using: &random)!
      }
    }
    var given: [Onnx_AttributeProto] = []
    for name in attributes where Int.random(in: 0..<3, using: &random) == 0 {
      let (one, several) = (numbers.randomElement(using: &random)!, few(&random))
      given.append(
        SmallModel.attribute(name) {
          $0.i = one
          $0.ints = several
        })
    }
    for (name, choices) in strings.sorted(by: { $0.key < $1.key }) where Bool.random(using: &random) {
      let choice = choices.randomElement(using: &random)!
      given.append(SmallModel.attribute(name) { $0.s = Data(choice.utf8) })
    }
    var inputs = [["x", "r2", "r4"].randomElement(using: &random)!]
    var tensors = [
      SmallModel.floats("f", [3, 4, 2], (0..<24).map { Float($0) - 9 }), SmallModel.floats("s", [], [.nan]),
      SmallModel.floats("c", [4], [1, -1, .infinity, 0]), SmallModel.integers("flat2", [-1, 4]),
      SmallModel.integers("flat4", [-1, 4, 1, 8]),
    ]
    for k in 0..<Int.random(in: 0...4, using: &random) {
      tensors.append(SmallModel.integers("i\(k)", few(&random)))
      inputs.append(["f", "s", "c", "i\(k)", "i\(k)", "i\(k)", "", "x"].randomElement(using: &random)!)
    }
    if Int.random(in: 0..<4, using: &random) == 0 { inputs[0] = ["f", "c", "s", "i0"].randomElement(using: &random)! }
    let outputs = (0..<Int.random(in: 1...3, using: &random)).map { "y\($0)" }
    return SmallModel.model(
      outputs: ["y0"],
      nodes: [
        SmallModel.node("Reshape", ["x", "flat2"], ["r2"]), SmallModel.node("Reshape", ["x", "flat4"], ["r4"]),
        SmallModel.node(op, inputs, outputs, name: "node", given),
      ], tensors: tensors, opset: [9, 12, 17, 20].randomElement(using: &random)!)
  }
}
