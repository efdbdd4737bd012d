import Attribution
import Foundation
import ONNXImport
import TestSupport
import Testing
import TrackIO

@Suite("Replacements of neighbouring bases")
struct ReplacementTests {
  static let texts: [(text: String, width: Int)] = [
    ("zero", 1), ("zero", 5), ("A", 1), ("T", 3), ("GNC", 3), ("zero", 12),
  ]

  /// Codes with the columns replaced, by the definition.
  private static func replaced(_ codes: [UInt8], _ text: String, _ width: Int, at start: Int) -> [UInt8] {
    var edited = codes
    for column in 0..<width {
      let letter: Character = text == "zero" ? "N" : Array(text)[text.count == 1 ? 0 : column]
      edited[start + column] = UInt8("ACGTN".distance(from: "ACGTN".startIndex, to: "ACGTN".firstIndex(of: letter)!))
    }
    return edited
  }

  private static func error(_ a: [Float], _ b: [Double]) -> Double {
    zip(a, b).map { abs(Double($0) - $1) }.max()! / max(1e-3, b.map(abs).max()!)
  }

  @Test("what is read is what was written, and nothing else is read")
  func parsing() {
    #expect(Replacement(parsing: "zero", width: 3)?.codes == [4, 4, 4])
    #expect(Replacement(parsing: "g", width: 2)?.codes == [2, 2])
    #expect(Replacement(parsing: "ACN", width: 3)?.codes == [0, 1, 4])
    for text in ["ACG", "", "X", "AXGT", "null"] { #expect(Replacement(parsing: text, width: 4) == nil) }
    #expect(Replacement(parsing: "A", width: 5)?.starts(in: 5) == 0..<1)
    #expect(Replacement(parsing: "A", width: 5)?.starts(in: 4).isEmpty == true)
  }

  @Test("of windows: both ways give the definition in float64, for every kind of target, unknown bases included")
  func windows() throws {
    let model = try WindowTests.model(WindowTests.targets)
    for (text, width) in Self.texts {
      let replacement = try #require(Replacement(parsing: text, width: width))
      let fast = try WindowReplacement(model, replacement)
      let naive = try WindowReplacement(model, replacement, naive: true)
      for window in WindowTests.windows(3) {
        let codes = Array(window.codes)
        let reference = try WindowTests.outputs(codes, preActivation: false)
        let (a, b) = (
          try fast.score(window.codes, location: "window"), try naive.score(window.codes, location: "window")
        )
        for (number, target) in WindowTests.targets.enumerated() {
          let value = WindowTests.value(target, reference, reference: reference)
          let wanted = try (0...12 - width).map { start in
            let outputs = try WindowTests.outputs(
              Self.replaced(codes, text, width, at: start), preActivation: false)
            return WindowTests.value(target, outputs, reference: reference) - value
          }
          #expect(a.scores[number].count == wanted.count)
          #expect(Self.error(a.scores[number], wanted) < 2e-6, "\(text) \(width) \(target)")
          #expect(Self.error(b.scores[number], wanted) < 1e-3, "\(text) \(width) \(target), naive")
          #expect(abs(Double(a.predictions[number]) - value) < 1e-5)
        }
      }
    }
  }

  @Test("of one base by a letter: the ISM of that letter, bit for bit, and 0 where it is the reference")
  func substitutions() throws {
    let model = try WindowTests.model(WindowTests.targets)
    var ism = try WindowDifferences(model)
    let window = WindowTests.windows(1)[0]
    let wanted = try ism.score([window])[0].substitutions
    for (base, letter) in "ACGT".enumerated() {
      let found = try WindowReplacement(model, try #require(Replacement(parsing: "\(letter)", width: 1)))
        .score(window.codes, location: "window").scores
      for (a, b) in zip(found, wanted) {
        for column in 0..<12 { #expect(a[column] == b[base, column]) }
      }
    }
  }

  @Test("along a strand: both ways give sums over the outputs that the columns reach", arguments: texts)
  func stretches(text: String, width: Int) throws {
    let tower = PositionTower()
    let strand = StretchTests.strand(70, seed: 6, unknown: 20..<23)
    let replacement = try #require(Replacement(parsing: text, width: width))
    let model = try tower.model(tile: 70)
    var fast = try StretchReplacement(model, targets: PositionTarget.allCases, replacement)
    var naive = try StretchReplacement(model, targets: PositionTarget.allCases, replacement, naive: true)
    let (a, b) = (try fast.score(strand), try naive.score(strand))
    let before = try tower.logits(strand.codes)
    let weights = before.map(sigmoid)
    var wanted = PositionTarget.allCases.map { _ in [Double]() }
    for start in 0...70 - width {
      let after = try tower.logits(Self.replaced(strand.codes, text, width, at: start))
      // Outputs that none of the columns reach are equal to the bit in float64: they add nothing.
      let change = zip(after, before).map { $0 - $1 }
      let reached = max(0, start - tower.ahead)..<min(70, start + width + tower.back)
      for (number, target) in PositionTarget.allCases.enumerated() {
        let sum =
          switch target {
          case .weighted, .weightedMean: zip(weights, change).reduce(0) { $0 + $1.0 * $1.1 }
          case .probability: zip(after, weights).reduce(0) { $0 + sigmoid($1.0) - $1.1 }
          case .logit: change.reduce(0, +)
          }
        wanted[number].append(target == .weightedMean ? sum / weights[reached].reduce(0, +) : sum)
      }
    }
    for number in wanted.indices {
      #expect(a[number].count == 71 - width)
      #expect(Self.error(a[number], wanted[number]) < 1e-5, "\(PositionTarget.allCases[number])")
      #expect(Self.error(b[number], wanted[number]) < 1e-4, "\(PositionTarget.allCases[number]), naive")
    }
  }

  /// fastISM computes in float32 and gives outputs, from which the reference was subtracted.
  @Test("fastISM says the same of a Keras model", arguments: ["zero-1", "zero-6", "G-1", "T-3", "ACGT-4"])
  func fastISM(name: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").path
    let network = try Network(ModelFile(path: "\(folder)/keras_replaced.onnx"))
    let arrays = try NumPyFile.readNPZ(path: "\(folder)/keras_replaced.npz")
    let model = try WindowModel(
      network, length: 130,
      targets: (0..<3).map { try ScoreTarget(parsing: "0:\($0)").resolved(among: network.outputs) })
    let parts = name.split(separator: "-")
    let width = try #require(Int(parts[1]))
    let scorer = try WindowReplacement(model, try #require(Replacement(parsing: String(parts[0]), width: width)))
    let codes = arrays["sequences"]!.values.map { UInt8($0) }
    let found = try (0..<3).flatMap { sequence in
      try scorer.score(codes[sequence * 130..<(sequence + 1) * 130], location: "s").scores.flatMap { $0 }
    }
    #expect(arrays[name]!.shape == [3, 3, 131 - width])
    #expect(Self.error(found, arrays[name]!.values) < 1e-5)
  }
}
