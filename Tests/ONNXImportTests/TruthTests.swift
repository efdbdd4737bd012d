import Engine
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@testable import ONNXImport

@Suite("Models of the field, against their float64 truth")
struct TruthTests {
  /// The largest error over all windows and targets, over the largest prediction.
  private func error(
    _ model: ReferenceModel, batch: Int, windows: Int = .max, _ run: (_ input: [Double]) throws -> [[Double]]
  ) throws -> Double {
    let truth = try ReferenceModel.Truth(model)
    let largest = truth.predictions.joined().map(abs).max() ?? 0
    var worst = 0.0
    for first in stride(from: 0, to: min(truth.windows.count, windows) - batch + 1, by: batch) {
      let outputs = try run(Array(truth.windows[first..<first + batch].joined()))
      for n in 0..<batch {
        let window = outputs.map { Array($0[n * $0.count / batch..<(n + 1) * $0.count / batch]) }
        for (got, wanted) in zip(truth.values(window), truth.predictions[first + n]) {
          worst = max(worst, abs(got - wanted))
        }
      }
    }
    return worst / max(1, largest)
  }

  @Test("there is a model of every exporter")
  func fixtures() {
    let names = Set(ReferenceModel.all.map(\.name))
    #expect(
      names.isSuperset(of: [
        "basset", "basset_2d", "basset_torchscript", "bi_lstm", "bpnet", "deepsea", "deepsea_2d", "dna_transformer",
        "encoder_transformer", "float16", "gru_torchscript", "keras_small", "squeeze_excitation", "torch_external",
        "torch_symbolic", "upsampling", "upsampling_torchscript",
      ]))
  }

  /// The plain meaning, of the graph as the file has it and as it runs; large models by their compiled form only.
  @Test(
    "the plain evaluation of the graph and of its simplified form gives the truth",
    arguments: ReferenceModel.all.filter { !["dna_transformer", "encoder_transformer"].contains($0.name) })
  func evaluation(_ model: ReferenceModel) throws {
    let file = try ModelFile(path: model.path)
    let length = try ReferenceModel.Truth(model).length
    let raw = try file.rawGraph(batch: 1, length: length)
    for graph in [raw, raw.simplified()] {
      // One window is enough: an evaluation takes a second in a debug build.
      let worst = try error(model, batch: 1, windows: 1) { input in
        try graph.evaluate(ConstantTensor(shape: [1, length, 4], values: input)).map(\.values)
      }
      #expect(worst <= 1e-6)
    }
  }

  @Test("the compiled network gives the truth", arguments: ReferenceModel.all)
  func compiled(_ model: ReferenceModel) throws {
    let file = try ModelFile(path: model.path)
    let length = try ReferenceModel.Truth(model).length
    for batch in Set([1, file.supportedBatch(2)]) {
      let raw = try file.rawGraph(batch: batch, length: length)
      for graph in [raw, try file.graph(batch: batch, length: length)] {
        let program = try Program(graph)
        var session = Session(program, for: .prediction)
        let worst = try error(model, batch: batch) { input in
          session.forward { _ = $0.update(from: input.map { Float($0) }) }
          return program.outputShapes.indices.map { index in session.withOutput(index) { $0.map(Double.init) } }
        }
        #expect(worst <= 1e-5, "batch \(batch)")
      }
    }
  }

  @Test("a symbolic length takes any length; a base reads its own surroundings only")
  func symbolicLength() throws {
    let file = try ModelFile(path: ReferenceModel(name: "torch_symbolic").path)
    #expect(file.fixedLength == nil && file.fixedBatch == nil)
    for (batch, length) in [(1, 33), (3, 64), (2, 151)] {
      let graph = try file.graph(batch: batch, length: length)
      #expect(graph.values[graph.outputs[0]].shape == [batch, length])
      #expect(graph.dependences[graph.outputs[0]] == .window(PositionWindow(axis: 1, step: 1, back: 17, ahead: 17)))
    }
  }

  @Test(
    "layouts and lengths are read off the shapes",
    arguments: [
      ("basset", SequenceLayout.channelsFirst, 240), ("keras_small", .channelsLast, 130),
      ("deepsea_2d", .channelsFirst, 291), ("basset_2d", .channelsFirst, 291), ("bpnet", .channelsFirst, 500),
    ])
  func layout(name: String, layout: SequenceLayout, length: Int) throws {
    let file = try ModelFile(path: ReferenceModel(name: name).path)
    #expect(file.layout == layout)
    #expect(file.fixedLength == length)
    #expect(file.otherInputs.isEmpty)
  }

  @Test("simplification leaves convolutions of every exporter without transposes between them")
  func simplified() throws {
    for name in ["keras_small", "deepsea_2d", "basset_2d", "basset_torchscript"] {
      let file = try ModelFile(path: ReferenceModel(name: name).path)
      let kinds = try file.graph(batch: 1, length: file.fixedLength!).nodes.map(\.op.kind)
      #expect(!kinds.contains("Transpose"), "\(name): \(kinds)")
    }
  }

  @Test("the transposes around recurrent layers move no element, and every step of theirs takes differences")
  func recurrent() throws {
    for name in ["bi_lstm", "gru_torchscript"] {
      let file = try ModelFile(path: ReferenceModel(name: name).path)
      let graph = try file.graph(batch: 1, length: file.fixedLength!)
      #expect(!graph.nodes.contains { $0.op is Transpose })
      #expect(try DifferenceProgram(graph).recomputed.isEmpty)
      // Cell states that nobody reads are not computed.
      #expect(graph.nodes.filter { $0.op.kind == "LSTM" }.count == 1)
    }
  }

  @Test("weights beside the model count among its files")
  func externalFiles() throws {
    let model = ReferenceModel(name: "torch_external")
    #expect(try ModelFile(path: model.path).files == [model.path, model.path + ".data"])
  }
}
