import Attribution
import Foundation
import Genomics
import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Coordinates, strands and offsets of a whole scan")
struct StrandTests {
  static let filter = LinearFilter(
    weights: [
      [[1, -2, 0.5, 3], [0, 4, -1, 2], [-3, 1, 2, 0], [0.25, 0, -1, 5]],
      [[2, 1, 0, -1], [0.5, 0, 3, 1], [1, 1, -2, 0], [0, -1, 4, 2]],
    ], bias: -1, before: 2)

  static func close(_ a: Float, _ b: Double) -> Bool { b.isNaN ? a.isNaN : abs(Double(a) - b) <= 1e-4 }

  /// What the tracks of one strand must hold, worked out from the filter's definition alone.
  struct Expected {
    var predictions: [Double]
    /// `[plus-strand base][plus-strand position]`, NaN at the reference base.
    var alternates: [[Double]]

    init(_ filter: LinearFilter, _ bases: String, _ strand: Strand, offset: Int, channel: Int = 0) {
      let plus = Base.encode(bases.utf8)
      let codes = strand == .plus ? plus : Base.reverseComplement(plus)
      let text = strand == .plus ? bases : ScanFixture.reverseComplement(bases)
      let outputs = filter.outputs(text, channel: channel)
      let count = plus.count
      predictions = Array(repeating: .nan, count: count)
      alternates = Array(repeating: Array(repeating: .nan, count: count), count: 4)
      for position in 0..<count where plus[position] < 4 {
        let own = strand == .plus ? position : count - 1 - position
        if outputs.indices.contains(own + offset) { predictions[position] = 1 / (1 + exp(-outputs[own + offset])) }
        for base in 0..<4 where base != Int(plus[position]) {
          let strandBase = strand == .plus ? base : 3 - base
          // The sum over all outputs of a linear filter changes by one weight difference for each output reached.
          alternates[base][position] = filter.weights[channel].indices.reduce(0.0) { sum, tap in
            let output = own - tap + filter.before
            guard (0..<count).contains(output) else { return sum }
            let weights = filter.weights[channel][tap]
            return sum + Double(weights[strandBase] - weights[Int(codes[own])])
          }
        }
      }
    }
  }

  @Test("an impulse model: every value of every track on both strands, with labels shifted by", arguments: [0, 3, -2])
  func impulse(offset: Int) async throws {
    let fixture = try ScanFixture([
      ("b", ScanFixture.bases(1_300, seed: 1, unknown: [0..<5, 600..<640])), ("a", ScanFixture.bases(23, seed: 2)),
      ("c", ScanFixture.bases(3, seed: 4)),
    ])
    let one = LinearFilter(weights: [Self.filter.weights[0]], bias: -1, before: 2)
    let request = fixture.request("out") {
      $0.methods = [.ism, .predict, .tism]
      $0.targets = ["logit"]
      $0.reductions = [.alt, .importance]
    }
    try await fixture.run(request, try one.model(offset: offset))
    for strand in Strand.allCases {
      let predictions = try fixture.track("out", "predict.probability.\(strand.rawValue)")
      for method in ["tism", "ism"] {
        let importance = try fixture.track("out", "\(method).logit.importance.\(strand.rawValue)")
        let alternates = try (0..<4).map {
          try fixture.track("out", "\(method).logit.alt-\(Base.letters[$0]).\(strand.rawValue)")
        }
        for contig in fixture.contigs {
          let expected = Expected(one, contig.bases, strand, offset: offset)
          for position in 0..<contig.bases.count {
            #expect(Self.close(predictions[contig.name]![position], expected.predictions[position]))
            let wanted = (0..<4).map { expected.alternates[$0][position] }
            for base in 0..<4 { #expect(Self.close(alternates[base][contig.name]![position], wanted[base])) }
            let known = wanted.filter { !$0.isNaN }
            #expect(
              Self.close(importance[contig.name]![position], known.isEmpty ? .nan : -known.reduce(0, +) / 3))
          }
        }
      }
    }
  }

  @Test("unstranded averages both directions; swap averages each strand's channel over them")
  func averages() async throws {
    let fixture = try ScanFixture([("x", ScanFixture.bases(700, seed: 5, unknown: [300..<310]))])
    let bases = fixture.contigs[0].bases
    func expected(_ strand: Strand, _ channel: Int) -> Expected {
      Expected(Self.filter, bases, strand, offset: 0, channel: channel)
    }
    func request(_ name: String) -> ScanRequest {
      fixture.request(name) {
        $0.methods = [.predict, .tism]
        $0.targets = ["logit"]
        $0.reductions = [.alt]
      }
    }
    try await fixture.run(request("unstranded"), try Self.filter.model(strands: .unstranded))
    try await fixture.run(request("swap"), try Self.filter.model(strands: .swap))
    let cases: [(folder: String, label: String, parts: [Expected])] = [
      ("unstranded", "both", [expected(.plus, 0), expected(.minus, 0)]),
      ("swap", "plus", [expected(.plus, 0), expected(.minus, 1)]),
      ("swap", "minus", [expected(.minus, 0), expected(.plus, 1)]),
    ]
    for c in cases {
      let predictions = try fixture.track(c.folder, "predict.probability.\(c.label)")["x"]!
      let alternates = try (0..<4).map {
        try fixture.track(c.folder, "tism.logit.alt-\(Base.letters[$0]).\(c.label)")["x"]!
      }
      for position in 0..<bases.count {
        #expect(
          Self.close(predictions[position], (c.parts[0].predictions[position] + c.parts[1].predictions[position]) / 2))
        for base in 0..<4 {
          let wanted = (c.parts[0].alternates[base][position] + c.parts[1].alternates[base][position]) / 2
          #expect(Self.close(alternates[base][position], wanted))
        }
      }
    }
  }

  @Test("the reverse complement of a genome gives mirrored tracks, for both kinds of model", arguments: [true, false])
  func mirrored(perWindow: Bool) async throws {
    let bases = ScanFixture.bases(1_003, seed: 9, unknown: [500..<520])
    let forward = try ScanFixture([("x", bases)])
    let backward = try ScanFixture([("x", ScanFixture.reverseComplement(bases))])
    let model = try perWindow ? windowModel(length: 20) : Self.filter.model(offset: 4)
    for fixture in [forward, backward] {
      let request = fixture.request("out") {
        $0.methods = [.predict, .tism, .ism]
        $0.reductions = [.alt, .strongest]
        if perWindow { $0.targets = ["0:1"] }
      }
      try await fixture.run(request, model)
    }
    let target = perWindow ? "0_1" : "weighted"
    var stems = [(perWindow ? "predict.0_1" : "predict.probability", perWindow ? "predict.0_1" : "predict.probability")]
    for method in ["tism", "ism"] {
      stems.append(("\(method).\(target).strongest", "\(method).\(target).strongest"))
      for (a, b) in ["AT", "CG", "GC", "TA"].map({ ($0.first!, $0.last!) }) {
        stems.append(("\(method).\(target).alt-\(a)", "\(method).\(target).alt-\(b)"))
      }
    }
    for (stem, mirrored) in stems {
      for (strand, opposite) in [("plus", "minus"), ("minus", "plus")] {
        let a = try forward.track("out", "\(stem).\(strand)")["x"]!
        let b = try backward.track("out", "\(mirrored).\(opposite)")["x"]!
        #expect(a.contains { !$0.isNaN })
        // `strongest` takes the first base in A C G T order among equals, which mirroring turns round.
        #expect(zip(a, b.reversed()).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }, "\(stem)")
      }
    }
  }
}
