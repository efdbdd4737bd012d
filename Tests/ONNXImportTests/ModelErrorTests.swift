import Foundation
import NetworkGraph
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

@testable import ONNXImport

/// Every refusal is the right case, and its message names the file, what is wrong and the cure.
@Suite("Refusals of models")
struct ModelErrorTests {
  let folder = TemporaryFolder()

  /// The error that loading a model and making its graph gives.
  private func refusal(
    _ path: String, batch: Int? = nil, length: Int? = nil, inputs: [String: ConstantTensor] = [:]
  ) throws -> ModelError {
    let error = #expect(throws: ModelError.self) {
      let file = try ModelFile(path: path)
      _ = try file.graph(
        batch: batch ?? file.supportedBatch(1), length: length ?? file.fixedLength ?? 8, inputs: inputs)
    }
    let found = try #require(error)
    #expect(found.description.hasPrefix(path))
    return found
  }

  private func refusal(_ model: Onnx_ModelProto) throws -> ModelError { try refusal(try folder.write(model)) }

  private func says(_ error: ModelError, _ words: String...) {
    for word in words { #expect(error.description.contains(word), "'\(word)' in: \(error)") }
  }

  @Test("the small model loads and runs")
  func working() throws {
    let file = try ModelFile(path: folder.write(SmallModel.working()))
    let graph = try file.graph(batch: 2, length: 8)
    let x = ConstantTensor(shape: [2, 8, 4], floats: [Float](repeating: 1, count: 64))
    #expect(try graph.evaluate(x)[0].values == [15.5, 16, 15.5, 16])
  }

  @Test("files that are no models")
  func files() throws {
    let absent = folder.file("absent.onnx")
    #expect(try refusal(absent) == .missingFile(path: absent))
    #expect(
      try refusal(folder.path) == .unreadable(path: folder.path, reason: "it is a folder; give the .onnx file in it"))
    let empty = folder.write("empty.onnx", "")
    #expect(try refusal(empty) == .emptyFile(path: empty))
    for (bytes, cure) in [
      ([0x50, 0x4B, 3, 4, 0], "torch.onnx.export"), ([0x89, 0x48, 0x44, 0x46], "tf2onnx"),
      (Array("version https://git-lfs.github.com".utf8), "git lfs pull"), ([0x1F, 0x8B, 8], "gunzip"),
      (Array(">chr1\nACGT\n".utf8), "torch.onnx.export"),
    ] as [([UInt8], String)] {
      let error = try refusal(folder.write("other", bytes))
      guard case .notONNX = error else {
        Issue.record("\(error)")
        continue
      }
      says(error, cure)
    }
    let cut = folder.write("cut.onnx", Array(try SmallModel.working().serializedData()).dropLast(20))
    #expect(try refusal(cut) == .truncated(path: cut))
    var bare = SmallModel.working()
    bare.clearGraph()
    let path = try folder.write(bare)
    #expect(try refusal(path) == .noGraph(path: path))
  }

  @Test("versions")
  func versions() throws {
    var model = SmallModel.working()
    model.opsetImport[0].version = 6
    let path = try folder.write(model)
    #expect(try refusal(path) == .unsupportedOpset(path: path, version: 6, supported: 7...28))
    says(try refusal(path), "opset 6", "opset_version=7")
    model = SmallModel.working()
    model.irVersion = 99
    #expect(try refusal(model) == .unsupportedIR(path: path, version: 99, supported: 3...14))
    model = SmallModel.working()
    model.opsetImport = []
    says(try refusal(model), "operator set")
  }

  @Test("all unsupported nodes at once, with name, operator, opset and cure")
  func unsupported() throws {
    let model = SmallModel.model(
      outputs: ["z"],
      nodes: [
        SmallModel.node("RNN", ["x"], ["a"], name: "recurrent"),
        SmallModel.node("Relu", ["a"], ["b"]),
        SmallModel.node("QLinearMatMul", ["b"], ["c"], name: "quantised"),
        SmallModel.node("Frobnicate", ["c"], ["d"], domain: "org.example"),
        SmallModel.node("Loop", ["d"], ["z"], name: "loop"),
        SmallModel.node("RNN", ["x"], ["unused"], name: "nobody reads this"),
      ])
    let error = try refusal(model)
    guard case .unsupported(_, let nodes) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(nodes.map(\.op) == ["RNN", "QLinearMatMul", "Frobnicate", "Loop"])
    #expect(nodes.map(\.name) == ["recurrent", "quantised", "d", "loop"])
    #expect(nodes[0].opset == 17)
    says(error, "4 unsupported nodes", "RNN 'recurrent' (opset 17)", "before quantisation", "domain org.example")
    #expect(try ModelFile(path: folder.file("model.onnx")).unknownNodes == nodes)
  }

  @Test("weights: types, sizes, sparse ones; float16, bfloat16 and float64 are converted")
  func weights() throws {
    func with(_ tensor: Onnx_TensorProto) -> Onnx_ModelProto {
      var model = SmallModel.working()
      model.graph.initializer = [tensor]
      return model
    }
    let halves = SmallModel.tensor(
      "w", [32, 2], type: .float16, raw: (0..<64).flatMap { _ in SmallModel.bytes(UInt16(0x3E00)) })
    let brains = SmallModel.tensor(
      "w", [32, 2], type: .bfloat16, raw: (0..<64).flatMap { _ in SmallModel.bytes(UInt16(0x3FC0)) })
    let doubles = SmallModel.tensor(
      "w", [32, 2], type: .double, raw: (0..<64).flatMap { _ in SmallModel.bytes((1.5).bitPattern) })
    for tensor in [halves, brains, doubles] {
      let graph = try ModelFile(path: folder.write(with(tensor))).graph(batch: 1, length: 8)
      let ones = ConstantTensor(shape: [1, 8, 4], floats: [Float](repeating: 1, count: 32))
      #expect(try graph.evaluate(ones)[0].values == [48, 48])
    }
    let few = SmallModel.tensor("w", [32, 2], type: .float, raw: [1, 2, 3])
    says(try refusal(with(few)), "'w'", "64 elements")
    says(try refusal(with(SmallModel.tensor("w", [32, -2], type: .float, raw: []))), "not possible")
    says(try refusal(with(SmallModel.tensor("w", [.max, .max], type: .float, raw: []))), "not possible")
    says(try refusal(with(SmallModel.tensor("w", [2], type: .string, raw: []))), "string", "float32")
    var sparse = SmallModel.working()
    var tensor = Onnx_SparseTensorProto()
    tensor.values.name = "thin"
    sparse.graph.sparseInitializer = [tensor]
    says(try refusal(sparse), "'thin'", "sparse")
  }

  @Test("external weights: missing, cut, outside the folder by .., by an absolute path, by a link")
  func external() throws {
    func model(at location: String) throws -> String {
      var model = SmallModel.working()
      var entry = Onnx_StringStringEntryProto()
      (entry.key, entry.value) = ("location", location)
      model.graph.initializer[0].clearRawData()
      model.graph.initializer[0].dataLocation = .external
      model.graph.initializer[0].externalData = [entry]
      return try folder.write(model)
    }
    let elsewhere = TemporaryFolder()
    elsewhere.write("w.bin", [UInt8](repeating: 0, count: 256))
    folder.write("w.bin", [UInt8](repeating: 0, count: 256))
    let good = try ModelFile(path: model(at: "w.bin"))
    #expect(good.files.count == 2)
    for location in ["../w.bin", "sub/../../w.bin", elsewhere.file("w.bin")] {
      let path = try model(at: location)
      #expect(try refusal(path) == .dataOutsideFolder(path: path, file: location, tensor: "w"))
    }
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.bin"), withDestinationPath: elsewhere.file("w.bin"))
    let linked = try model(at: "link.bin")
    #expect(try refusal(linked) == .dataOutsideFolder(path: linked, file: "link.bin", tensor: "w"))
    let missing = try refusal(model(at: "gone.bin"))
    guard case .missingData(_, _, "w") = missing else {
      Issue.record("\(missing)")
      return
    }
    says(missing, "gone.bin", "copy both", "external_data=False")
    folder.write("w.bin", [UInt8](repeating: 0, count: 255))
    says(try refusal(model(at: "w.bin")), "255 bytes", "Copy the file again")
  }

  @Test("inputs: unbound, unknown, of another shape; a sequence that cannot be told")
  func inputs() throws {
    var model = SmallModel.working()
    model.graph.input.append(SmallModel.port("extra", [0, 2]))
    model.graph.node.append(SmallModel.node("Add", ["y", "extra"], ["z"]))
    model.graph.output = [SmallModel.port("z", [])]
    let path = try folder.write(model)
    let port = try #require(try ModelFile(path: path).otherInputs.first)
    #expect(try refusal(path) == .unboundInput(path: path, input: port))
    says(try refusal(path), "--input extra=zeros", "--input extra=FILE.npy")
    let value = ConstantTensor(shape: [2], values: [5, 6])
    #expect(try ModelFile(path: path).graph(batch: 3, length: 8, inputs: ["extra": value]).outputs.count == 1)
    #expect(
      try refusal(path, inputs: ["extra": value, "typo": value])
        == .unknownInput(path: path, name: "typo", known: ["extra"]))
    #expect(
      try refusal(path, inputs: ["extra": ConstantTensor(shape: [3], values: [1, 2, 3])])
        == .inputShape(path: path, input: port, given: [3]))
    model.graph.input[1] = SmallModel.port("extra", [0, 8, 4])
    says(try refusal(model), "several inputs", "x, extra", "--sequence-input")
    model.graph.input = [SmallModel.port("x", [0, 4, 4])]
    says(try refusal(model), "read both ways", "--layout")
    model.graph.input = [SmallModel.port("x", [0, 5, 8])]
    says(try refusal(model), "no input looks like", "x [d0, 5, 8]")
  }

  @Test("fixed length and batch")
  func fixed() throws {
    let path = try folder.write(SmallModel.working())
    #expect(try refusal(path, length: 9) == .fixedLength(path: path, length: 8, requested: 9))
    var model = SmallModel.working()
    model.graph.input = [SmallModel.port("x", [1, 4, 8])]
    _ = try folder.write(model)
    #expect(try refusal(path, batch: 2) == .fixedBatch(path: path, batch: 1, requested: 2))
  }

  @Test("graphs that break the rules: cycles, missing names, no output, functions without end")
  func structure() throws {
    var model = SmallModel.working()
    model.graph.node[0].input = ["y"]
    says(try refusal(model), "'flat' reads 'y'", "nothing before it writes")
    model = SmallModel.working()
    model.graph.output = [SmallModel.port("nowhere", [])]
    says(try refusal(model), "no node writes the output 'nowhere'")
    model.graph.output = []
    says(try refusal(model), "no output")

    // Each function calls the next twice: 2^30 nodes in a file of a few hundred bytes.
    model = SmallModel.model(outputs: ["y"], nodes: [SmallModel.node("f0", ["x"], ["y"], domain: "local")])
    model.functions = (0..<30).map { level in
      var function = Onnx_FunctionProto()
      (function.name, function.domain) = ("f\(level)", "local")
      (function.input, function.output) = (["a"], ["c"])
      let (op, domain) = level == 29 ? ("Relu", "") : ("f\(level + 1)", "local")
      function.node = [
        SmallModel.node(op, ["a"], ["b"], domain: domain), SmallModel.node(op, ["b"], ["c"], domain: domain),
      ]
      return function
    }
    says(try refusal(model), "functions call each other")
    model.functions[29].node = [SmallModel.node("f0", ["a"], ["c"], domain: "local")]
    says(try refusal(model), "calls")
  }

  @Test("a known If is its branch, and branches within it see the names outside")
  func branches() throws {
    var inner = Onnx_GraphProto()
    inner.node = [SmallModel.node("Add", ["x", "shift"], ["deep"])]
    inner.output = [SmallModel.port("deep", [])]
    var outer = Onnx_GraphProto()
    let branch = { (graph: Onnx_GraphProto) in
      ["then_branch", "else_branch"].map { name in SmallModel.attribute(name) { $0.g = graph } }
    }
    outer.node = [SmallModel.node("If", ["yes"], ["middle"], branch(inner))]
    outer.output = [SmallModel.port("middle", [])]
    let model = SmallModel.model(
      outputs: ["y"],
      nodes: [SmallModel.node("Neg", ["one"], ["shift"]), SmallModel.node("If", ["yes"], ["y"], branch(outer))],
      tensors: [
        SmallModel.floats("one", [1], [1]), SmallModel.tensor("yes", [], type: .bool, raw: [1]),
      ])
    let graph = try ModelFile(path: folder.write(model)).graph(batch: 1, length: 8)
    let zeros = ConstantTensor(shape: [1, 8, 4], floats: [Float](repeating: 0, count: 32))
    #expect(try graph.evaluate(zeros)[0].values == [Double](repeating: -1, count: 32))
  }

  @Test("a length of 0 or less is a symbol; an absurd one is refused")
  func lengths() throws {
    var model = SmallModel.working()
    model.graph.input[0].type.tensorType.shape.dim[0].dimValue = 0
    #expect(try ModelFile(path: folder.write(model)).fixedBatch == nil)
    model.graph.input[0].type.tensorType.shape.dim[2].dimValue = .max
    says(try refusal(model), "more than any model takes")
  }
}
