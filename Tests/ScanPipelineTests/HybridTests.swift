import Attribution
import Foundation
import Genomics
import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Hybrid scans: TISM with exact ISM where it matters")
struct HybridTests {
  enum Kind: CaseIterable, Sendable {
    case position, window, windowMean, unstranded, swap

    var perWindow: Bool { self == .window || self == .windowMean || self == .unstranded }

    func model() throws -> ScanModel {
      switch self {
      case .position: try StrandTests.filter.model()
      case .window, .windowMean: try windowModel(length: 24)
      case .unstranded: try windowModel(length: 24, strands: .unstranded)
      case .swap: try StrandTests.filter.model(strands: .swap)
      }
    }

    func request(_ fixture: ScanFixture, _ output: String, _ change: (inout ScanRequest) -> Void) -> ScanRequest {
      AuditTests.request(fixture, output, perWindow: perWindow) {
        $0.audit = 60
        if self == .windowMean {
          $0.regions = fixture.folder.write("r.bed", "short\t100\t130\nshort\t110\t120\nlong\t65530\t65540\n")
          $0.regionStrings = []
          $0.windowAt = .center
          $0.overlap = .mean
        }
        change(&$0)
      }
    }
  }

  /// Every file's tracks by name of file, `tism` ones under the name of `ism`.
  private func tracks(_ fixture: ScanFixture, _ output: String, _ method: String) throws -> [String: [String: [Float]]]
  {
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture.folder.file(output)).filter {
      $0.hasPrefix("\(method).") && $0.hasSuffix(".bedGraph.gz") && !$0.hasPrefix("tism.exact.")
    }
    return Dictionary(
      uniqueKeysWithValues: try names.map {
        (String($0.dropFirst(method.count)), try fixture.track(output, String($0.dropLast(".bedGraph.gz".count))))
      })
  }

  private func bits(_ tracks: [String: [String: [Float]]]) -> [String: [String: [UInt32]]] {
    tracks.mapValues { $0.mapValues { $0.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern } } }
  }

  @Test("a share of 1 is exact ISM, a share of 0 is TISM, to the bit, whatever the model", arguments: Kind.allCases)
  func ends(_ kind: Kind) async throws {
    let fixture = try AuditTests.fixture()
    let model = try kind.model()
    for (name, change) in [
      ("full", { $0.methods = [.tism, .ism] }), ("one", { $0.hybrid = 1 }),
      ("zero", { $0.hybrid = 0 }),
    ] as [(String, (inout ScanRequest) -> Void)] {
      try await fixture.run(kind.request(fixture, name, change), model)
    }
    let exact = bits(try tracks(fixture, "full", "ism"))
    #expect(exact.count >= 8)
    #expect(bits(try tracks(fixture, "one", "tism")) == exact)
    let tism = bits(try tracks(fixture, "full", "tism"))
    #expect(bits(try tracks(fixture, "zero", "tism")) == tism && tism != exact)
    #expect(!FileManager.default.fileExists(atPath: fixture.folder.file("zero/tism.exact.plus.bedGraph.gz")))
    let label = kind == .unstranded ? "both" : "plus"
    let share = try fixture.track("one", "tism.exact.\(label)")
    for value in share.values.flatMap({ $0 }) { #expect(value.isNaN || value == 1) }
  }

  @Test("between them, each score is the exact one or TISM, as the companion track says; a share of each block's edits")
  func between() async throws {
    let fixture = try AuditTests.fixture()
    for kind in [Kind.position, .window] {
      let model = try kind.model()
      let full = "full-\(kind)", part = "part-\(kind)"
      try await fixture.run(kind.request(fixture, full) { $0.methods = [.tism, .ism] }, model)
      try await fixture.run(
        kind.request(fixture, part) {
          $0.hybrid = 0.3
          $0.audit = 1_000_000
        }, model)
      let target = kind.perWindow ? "0_0" : "probability"
      for strand in ["plus", "minus"] {
        let share = try fixture.track(part, "tism.exact.\(strand)")
        func alternates(_ run: String, _ method: String) throws -> [[String: [Float]]] {
          try "ACGT".map { try fixture.track(run, "\(method).\(target).alt-\($0).\(strand)") }
        }
        let (tism, ism, hybrid) = (
          try alternates(full, "tism"), try alternates(full, "ism"), try alternates(part, "tism")
        )
        for (contig, blocks) in [("long", [0..<65_536, 65_536..<66_500]), ("short", [0..<1_500])] {
          for block in blocks {
            var (edits, exact) = (0, 0)
            for position in block where !share[contig]![position].isNaN {
              let found = (0..<4).filter { !hybrid[$0][contig]![position].isNaN }
              let same = found.filter { hybrid[$0][contig]![position] == ism[$0][contig]![position] }
              let left = found.filter { hybrid[$0][contig]![position] == tism[$0][contig]![position] }
              let count = Int((share[contig]![position] * 3).rounded())
              // An exact score may happen to equal TISM.
              #expect(found.count == 3 && same.count >= count && left.count >= 3 - count)
              edits += 3
              exact += count
            }
            #expect(exact == Int((0.3 * Double(edits)).rounded()) && edits > 0)
          }
        }
      }
      let record = try #require(try AuditTests.record(fixture, part).audit)
      let (before, after) = (record.targets[0].tism, try #require(record.targets[0].hybrid))
      #expect(try #require(after.pearson).value > #require(before.pearson).value)
      let tism = try AuditTests.scores(fixture, part, "tism", target),
        ism = try AuditTests.scores(fixture, full, "ism", target)
      var pairs = ScorePairs()
      pairs.beginUnit()
      for (a, b) in zip(tism, ism) where !a.isNaN { pairs.append(a, b) }
      #expect(abs(try #require(Agreement(pairs).pearson).value - #require(after.pearson).value) < 1e-9)
    }
  }
}
