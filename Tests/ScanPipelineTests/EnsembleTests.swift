import Attribution
import Foundation
import Genomics
import TestSupport
import Testing
import TrackIO

@testable import ScanPipeline

@Suite("Ensembles: the mean over models, and their spread")
struct EnsembleTests {
  enum Kind: CaseIterable, Sendable {
    case position, unstranded, swap, window, windowUnstranded

    var isWindow: Bool { self == .window || self == .windowUnstranded }

    var strands: StrandModel {
      switch self {
      case .position, .window: .stranded
      case .unstranded, .windowUnstranded: .unstranded
      case .swap: .swap
      }
    }

    /// Three models that read different stretches around a base.
    func models() throws -> [ScanModel] {
      guard !isWindow else { return try [1, 2, 3].map { try windowModel(length: 24, strands: strands, seed: $0) } }
      return try [(4, 2), (7, 0), (1, 0)].enumerated().map { number, shape in
        var random = SplitMix64(seed: UInt64(90 + number))
        let filter = LinearFilter(
          weights: (0..<2).map { _ in (0..<shape.0).map { _ in random.floats(count: 4) } }, bias: -1, before: shape.1)
        return try filter.model(offset: 2, strands: strands, name: "fold\(number)")
      }
    }

    func request(_ fixture: ScanFixture, _ output: String, _ change: (inout ScanRequest) -> Void = { _ in })
      -> ScanRequest
    {
      fixture.request(output) {
        $0.methods = [.predict, .tism, .ism]
        $0.reductions = isWindow ? [.importance, .strongest, .alt] : [.importance, .strongest, .alt, .newSite]
        $0.targets = isWindow ? ["0:0", "0:1"] : ["weighted", "probability"]
        $0.formats = [.bedgraph]
        change(&$0)
      }
    }
  }

  private static func fixture() throws -> ScanFixture {
    try ScanFixture([
      ("chr2", ScanFixture.bases(700, seed: 21, unknown: [300..<340])), ("chr10", ScanFixture.bases(400, seed: 22)),
      ("tiny", ScanFixture.bases(9, seed: 23)),
    ])
  }

  private static func stems(_ fixture: ScanFixture, _ output: String) throws -> Set<String> {
    Set(
      try FileManager.default.contentsOfDirectory(atPath: fixture.folder.file(output)).filter {
        $0.hasSuffix(".bedGraph.gz")
      }.map { String($0.dropLast(".bedGraph.gz".count)) })
  }

  @Test(
    "tracks are those of the mean model, and the sample standard deviation of each model's own",
    arguments: Kind.allCases)
  func meanAndSpread(_ kind: Kind) async throws {
    let fixture = try Self.fixture()
    let models = try kind.models()
    try await fixture.run(kind.request(fixture, "all"), models)
    for (number, model) in models.enumerated() {
      try await fixture.run(kind.request(fixture, "model\(number)"), model)
    }
    let stems = try Self.stems(fixture, "model0")
    #expect(stems.count >= 20)
    func spread(_ stem: String) -> String {
      var parts = stem.split(separator: ".").map(String.init)
      parts.insert("spread", at: parts.count - 1)
      return parts.joined(separator: ".")
    }
    #expect(try Self.stems(fixture, "all") == stems.union(stems.map(spread)))
    var differing = 0
    for stem in stems {
      let alone = try models.indices.map { try fixture.track("model\($0)", stem) }
      let (mean, sigma) = (try fixture.track("all", stem), try fixture.track("all", spread(stem)))
      let alternates =
        stem.contains(".strongest.")
        ? try "ACGT".map { try fixture.track("all", stem.replacing(".strongest.", with: ".alt-\($0).")) } : []
      for (contig, bases) in fixture.contigs {
        for position in 0..<bases.count {
          let values = alone.map { Double($0[contig]![position]) }
          let average = values.reduce(0, +) / 3
          let deviation = (values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 2).squareRoot()
          #expect(same(sigma[contig]![position], Float(deviation)), "\(stem) \(contig):\(position)")
          if !alternates.isEmpty {
            // No mean of the models' strongest, but the strongest of their mean.
            let strongest = alternates.map { $0[contig]![position] }.filter { !$0.isNaN }.max { abs($0) < abs($1) }
            #expect(same(mean[contig]![position], strongest ?? .nan), "\(stem) \(contig):\(position)")
            differing += same(mean[contig]![position], Float(average)) ? 0 : 1
          } else if stem.contains(".importance.") {
            #expect(near(mean[contig]![position], average), "\(stem) \(contig):\(position)")
          } else {
            #expect(same(mean[contig]![position], Float(average)), "\(stem) \(contig):\(position)")
          }
        }
      }
    }
    #expect(differing > 100)
    let record = String(decoding: fixture.folder.read("all/run.json"), as: UTF8.self)
    #expect(record.contains("\"models\" : 3") && record.contains("mean over 3 models"))
    #expect(record.contains("sample standard deviation over the models of"))
  }

  private func same(_ a: Float, _ b: Float) -> Bool { a.isNaN ? b.isNaN : a == b }
  /// The means of the alternates are rounded before they are reduced.
  private func near(_ a: Float, _ b: Double) -> Bool { a.isNaN ? b.isNaN : abs(Double(a) - b) <= 1e-5 }

  @Test("audits are of the mean; a share of 1 is exact ISM of each", arguments: Kind.allCases)
  func auditAndHybrid(_ kind: Kind) async throws {
    let fixture = try AuditTests.fixture()
    let models = try kind.models()
    for (name, change) in [
      ("both", { $0.methods = [.tism, .ism] }), ("tism", { _ in }), ("hybrid", { $0.hybrid = 1 }),
    ] as [(String, (inout ScanRequest) -> Void)] {
      try await fixture.run(
        kind.request(fixture, name) {
          $0.methods = [.tism]
          $0.reductions = [.alt]
          $0.regionStrings = AuditTests.regions
          $0.audit = 90
          change(&$0)
        }, models)
    }
    let audits = try ["both", "tism"].map { try AuditTests.record(fixture, $0).audit }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(try Set(audits.map { try encoder.encode($0) }).count == 1)
    let audit = try #require(audits[0])
    #expect(audit.bases > 20)
    // What was measured is said of the mean, and not of the spread.
    for track in try AuditTests.record(fixture, "tism").tracks {
      #expect(!(track.label.contains("sampled edits") && track.label.contains("standard deviation")), "\(track.label)")
    }
    let stems = try Self.stems(fixture, "tism")
    #expect(stems.contains { $0.contains(".spread.") })
    for stem in stems {
      let exact = try fixture.track("both", "ism" + stem.dropFirst(4))
      for (contig, values) in try fixture.track("hybrid", stem) {
        #expect(zip(values, exact[contig]!).allSatisfy(same), "\(stem) \(contig)")
      }
    }
  }

  @Test("outputs are the same bytes however the work is cut", arguments: Kind.allCases)
  func cuts(_ kind: Kind) async throws {
    let fixture = try Self.fixture()
    let models = try kind.models()
    for (name, count, threads) in [("one", 1, 1), ("cut", 7, 3)] {
      try await fixture.run(
        kind.request(fixture, name) {
          ($0.audit, $0.hybrid) = (90, 0.1)
          $0.circular = ["chr10"]
          $0.cut = .count(count)
          $0.resources.threads = threads
          if !kind.isWindow { $0.calls = 0.6 }
        }, models)
    }
    #expect(try fixture.digests("one", shards: false) == fixture.digests("cut", shards: false))
  }

  @Test("models that do not go together are refused by the name of what differs")
  func refusals() async throws {
    let fixture = try Self.fixture()
    let positions = try Kind.position.models()
    let window = try windowModel(length: 24)
    for (models, words) in [
      ([positions[0], positions[1], positions[0]], ["fold0.onnx", "the same network"]),
      ([positions[0], window], ["window77.onnx", "of one kind"]),
      ([window, try windowModel(length: 30, seed: 5)], ["window5.onnx", "windowLength: 24 there, 30 here"]),
      (
        [positions[0], try StrandTests.filter.model(offset: 1, name: "other")],
        ["other.onnx", "offset: 2 there, 1 here"]
      ),
    ] {
      var message = "no error"
      do {
        try await fixture.run(fixture.request("out") { ($0.methods, $0.audit) = ([.predict], nil) }, models)
      } catch { message = "\(error)" }
      #expect(words.allSatisfy(message.contains), "\(words): \(message)")
      #expect(!FileManager.default.fileExists(atPath: fixture.folder.file("out")))
    }
  }
}
