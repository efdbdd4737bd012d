import Attribution
import Glibc
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Window scores")
struct WindowTests {
  /// Two outputs: a softmax over 3 classes behind a dense head, and 6 profile logits.
  static func graph(batch: Int, length: Int, seed: UInt64 = 5, linear: Bool = false) throws -> Graph {
    var random = SplitMix64(seed: seed)
    func weights(_ shape: Shape) -> ConstantTensor {
      let scale = 2 / Float(shape.dims.first!).squareRoot()
      return ConstantTensor(shape: shape, floats: random.floats(count: shape.count).map { $0 * scale })
    }
    var builder = GraphBuilder(batch: batch, length: length)
    let flat = try builder.apply(Reshape(to: [batch, length * 4]), to: builder.sequence, name: "flat")
    var x = try builder.apply(Dense(weight: weights([length * 4, 8]), bias: weights([8])), to: flat, name: "dense")
    if !linear { x = try builder.apply(Unary(.tanh), to: x, name: "tanh") }
    let head = try builder.apply(Dense(weight: weights([8, 3]), bias: nil), to: x, name: "head")
    let classes = linear ? head : try builder.apply(Unary(.sigmoid), to: head, name: "classes")
    let profile = try builder.apply(Dense(weight: weights([8, 6]), bias: nil), to: x, name: "profile")
    return builder.graph(outputs: [classes, profile])
  }

  static func model(_ targets: [String], preActivation: Bool = false, linear: Bool = false) throws -> WindowModel {
    let network = try Network(fixedLength: 12, preActivation: preActivation) {
      try graph(batch: $0, length: $1, linear: linear)
    }
    return try WindowModel(
      network, length: 12,
      targets: targets.map { try ScoreTarget(parsing: $0).resolved(among: network.outputs) })
  }

  static func windows(_ count: Int, seed: UInt64 = 9) -> [WindowTask] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { number in
      var codes = random.bases(count: 12)
      if number % 3 == 1 { codes[5] = 4 }
      return WindowTask(codes: codes[...], location: "window \(number)")
    }
  }

  /// Outputs in float64, the activations of the first one dropped when asked for.
  static func outputs(_ codes: [UInt8], preActivation: Bool) throws -> [[Double]] {
    let graph = try graph(batch: 1, length: 12)
    return try (preActivation ? graph.preActivation() : graph).evaluate(oneHot(codes)).map(\.values)
  }

  /// A target by its definition.
  static func value(_ target: String, _ y: [[Double]], reference: [[Double]]) -> Double {
    switch target {
    case "0:1": return y[0][1]
    case "classes:0-2": return y[0][0] + y[0][1]
    case "1:sum": return y[1].reduce(0, +)
    case "0:2 - 1:3": return y[0][2] - y[1][3]
    default:
      let z = Array(reference[1][1..<5])
      let total = z.reduce(0.0) { $0 + exp($1) }
      let now = Array(y[1][1..<5])
      let mean = now.reduce(0, +) / 4
      return zip(z, now).reduce(0.0) { $0 + exp($1.0) / total * ($1.1 - mean) }
    }
  }

  static let targets = ["0:1", "classes:0-2", "1:sum", "0:2 - 1:3", "1:1-5:profile"]

  @Test("ISM and predictions of every kind of target agree with float64", arguments: [false, true])
  func ismAgrees(preActivation: Bool) throws {
    let model = try Self.model(Self.targets, preActivation: preActivation)
    var scorer = try WindowISM(model)
    let windows = Self.windows(4)
    for (window, scores) in zip(windows, try scorer.score(windows)) {
      let codes = Array(window.codes)
      let reference = try Self.outputs(codes, preActivation: preActivation)
      for (number, target) in Self.targets.enumerated() {
        let before = Self.value(target, reference, reference: reference)
        #expect(abs(Double(scores.predictions[number]) - before) < 1e-4)
        for column in codes.indices {
          for base in 0..<4 {
            var edited = codes
            edited[column] = UInt8(base)
            let isEdit = codes[column] < 4 && Int(codes[column]) != base
            let after =
              isEdit
              ? Self.value(target, try Self.outputs(edited, preActivation: preActivation), reference: reference)
              : before
            let got = scores.substitutions[number][base, column]
            #expect(isEdit ? abs(Double(got) - (after - before)) < 1e-4 : got == 0, "\(target) \(column) \(base)")
          }
        }
      }
    }
  }

  @Test("ISM equals TISM for a linear model, for every kind of target")
  func linear() throws {
    let model = try Self.model(["0:1", "0:0-2", "1:sum", "1:1-5:profile"], linear: true)
    var ism = try WindowISM(model)
    var tism = try WindowTISM(model)
    let windows = Self.windows(40)
    for (a, b) in zip(try ism.score(windows), try tism.score(windows)) {
      #expect(a.predictions == b.predictions)
      for (s, t) in zip(a.substitutions, b.substitutions) {
        for (x, y) in zip(s.values, t.values) { #expect(abs(x - y) < 1e-5) }
      }
    }
  }

  @Test("scores depend neither on the group of windows nor on the columns asked for, and short windows are padded")
  func independence() throws {
    let model = try Self.model(Self.targets)
    var ism = try WindowISM(model)
    var tism = try WindowTISM(model)
    var plain = try WindowPrediction(model)
    let windows = Self.windows(67)
    let all = try tism.score(windows)
    #expect(try plain.score(windows).map(\.predictions) == all.map(\.predictions))
    for number in [0, 31, 32, 66] {
      #expect(try tism.score([windows[number]])[0].substitutions == all[number].substitutions)
      let columns = 3..<8
      let part = WindowTask(codes: windows[number].codes, columns: columns, location: "part")
      for scorerPart in [try tism.score([part])[0], try ism.score([part])[0]] {
        #expect(scorerPart.substitutions.allSatisfy { $0.length == 5 })
      }
      let (whole, cut) = (try ism.score([windows[number]])[0], try ism.score([part])[0])
      for (s, t) in zip(whole.substitutions, cut.substitutions) {
        for base in 0..<4 { for column in columns { #expect(s[base, column] == t[base, column - 3]) } }
      }
    }
    let short = WindowTask(codes: [0, 1, 2, 3], location: "short")
    let padded = WindowTask(codes: [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4], columns: 0..<4, location: "padded")
    #expect(try ism.score([short])[0].substitutions == ism.score([padded])[0].substitutions)
    #expect(try tism.score([short])[0].substitutions == tism.score([padded])[0].substitutions)
  }

  @Test("a score that is no number fails, naming window and target")
  func notFinite() throws {
    let network = try Network(fixedLength: 12) { batch, length in
      var builder = GraphBuilder(batch: batch, length: length)
      let flat = try builder.apply(Reshape(to: [batch, length * 4]), to: builder.sequence, name: "flat")
      let weight = ConstantTensor(shape: [48, 1], values: (0..<48).map { $0 == 20 ? 3e38 : 0 })
      let huge = try builder.apply(Dense(weight: weight, bias: nil), to: flat, name: "dense")
      let overflown = try builder.apply(Binary(.multiply), to: huge, huge, name: "square")
      return builder.graph(outputs: [overflown])
    }
    let target = try ScoreTarget(parsing: "0:0").resolved(among: network.outputs)
    let model = try WindowModel(network, length: 12, targets: [target])
    let window = WindowTask(codes: [UInt8](repeating: 1, count: 12)[...], location: "chr1:[0, 12) of the plus strand")
    var scorer = try WindowISM(model)
    #expect {
      try scorer.score([window])
    } throws: {
      "\($0)".contains("chr1:[0, 12) of the plus strand, column 5") && "\($0)".contains("'0:0'")
    }
  }
}
