import Attribution
import Foundation
import GenomeIO
import Genomics
import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Verification of runs")
struct VerifyTests {
  private func request(_ fixture: ScanFixture, _ output: String, _ verify: Double?, perWindow: Bool) -> ScanRequest {
    RunTests.request(fixture, output, perWindow: perWindow) {
      $0.verify = verify
      $0.regionStrings = ["chr2:901-1400", "chr10:1-150", "tiny"]
    }
  }

  private struct Record: Decodable {
    let verification: CheckTally?
    let tracks: [Track]
    struct Track: Decodable { let files: [String] }
  }

  private func record(_ fixture: ScanFixture, _ output: String) throws -> Record {
    try JSONDecoder().decode(Record.self, from: Data(fixture.folder.read("\(output)/run.json")))
  }

  @Test("the sample goes into run.json, the same whatever threads, tiles and interruptions", arguments: [true, false])
  func sampled(perWindow: Bool) async throws {
    let fixture = try RunTests.fixture()
    let model = try RunTests.model(perWindow: perWindow)
    var one = request(fixture, "one", 0.05, perWindow: perWindow)
    one.resources.threads = 1
    try await fixture.run(one, model)
    let found = try #require(try record(fixture, "one").verification)
    // 650 bases less 100 unknown, both strands, three edits a base, one target or two.
    let expected = 0.05 * 550 * 2 * 3 * (perWindow ? 2 : 1)
    for part in [found.ism, found.tism] {
      #expect(Double(part.scores + part.kinks) > 0.7 * expected && Double(part.scores + part.kinks) < 1.3 * expected)
      #expect(part.largestShareOfTolerance < 1)
    }
    #expect(found.ism.kinks == 0)

    var many = request(fixture, "many", 0.05, perWindow: perWindow)
    many.resources.threads = 4
    many.tile = perWindow ? nil : 70
    try await fixture.run(many, model)
    #expect(try fixture.digests("many") == fixture.digests("one"))
    _ = try Shell.output("cd \(fixture.folder.file("one")) && rm run.json shards/000001.shard *.bw")
    try await fixture.run(one, model)
    #expect(try fixture.digests("one") == fixture.digests("many"))

    // Tracks are the same with and without.
    try await fixture.run(request(fixture, "plain", nil, perWindow: perWindow), model)
    #expect(try record(fixture, "plain").verification == nil)
    for file in try record(fixture, "plain").tracks.flatMap(\.files) {
      #expect(fixture.folder.read("plain/\(file)") == fixture.folder.read("one/\(file)"), "\(file)")
    }
  }

  @Test("every edit belongs to a sample or not, however its strand is cut", arguments: [0.0, 0.03, 0.5, 1.0])
  func sample(fraction: Double) {
    let sample = EditSample(fraction: fraction)
    let contig = Contig(name: "chr7", length: 4_000)
    var random = SplitMix64(seed: 4)
    let codes = random.bases(count: contig.length)
    for strand in [Strand.plus, .minus] {
      let whole = sample.edits(of: 0..<4_000, codes, contig: contig, strand: strand)
      let cut = stride(from: 0, to: 4_000, by: 333).flatMap { start in
        let range = start..<min(4_000, start + 333)
        return sample.edits(of: range, codes[range], contig: contig, strand: strand).map {
          Edit(column: $0.column + start, base: $0.base)
        }
      }
      #expect(whole == cut)
      // Four standard deviations of as many independent draws.
      #expect(abs(Double(whole.count) - 12_000 * fraction) <= 4 * (12_000 * fraction * (1 - fraction)).squareRoot())
      #expect(whole.allSatisfy { $0.base != codes[$0.column] })
    }
  }

  @Test(
    "a scan with a fault does not start, and one that passed unseen stops where it shows", arguments: Fault.allCases)
  func faults(_ fault: Fault) async throws {
    let fixture = try RunTests.fixture()
    for perWindow in [true, false] {
      // A linear filter's rows are alike: scaling shows everywhere.
      guard perWindow || fault == .scaledDifference || fault == .scaledGradient else { continue }
      let model = try perWindow ? windowModel(length: 24, fault: fault) : StrandTests.filter.model(fault: fault)
      let output = "\(fault) \(perWindow)"
      let request = request(fixture, output, 1, perWindow: perWindow)
      await #expect {
        try await fixture.run(request, model)
      } throws: {
        "\($0)".contains("self-check on a random sequence") && "\($0)".contains("report the model")
      }
      #expect(!fixture.folder.names.contains("\(output)/run.json"))
      #expect(try Shell.output("ls '\(fixture.folder.file(output))/shards'").isEmpty)

      let reader = try ReferenceReader(path: fixture.genome)
      let plan = try ScanPlanner(request: request, models: [model]).plan(reader)
      let shard = plan.manifest.units(ofShardAt: 0)[0]
      let bases = try plan.scanner.bases(of: shard, from: reader)
      #expect {
        try plan.scanner.score(shard, bases)
      } throws: {
        "\($0)".contains("strand position") && "\($0)".contains("chr") && !"\($0)".contains("self-check")
      }
    }
  }

  @Test("fractions that are none and methods without a second way are refused")
  func refused() async throws {
    let fixture = try RunTests.fixture()
    let model = try RunTests.model(perWindow: true)
    for fraction in [-0.1, 1.5, .nan] {
      await #expect {
        try await fixture.run(self.request(fixture, "bad", fraction, perWindow: true), model)
      } throws: {
        "\($0)".contains("--verify")
      }
    }
    var predict = request(fixture, "predict", 0.1, perWindow: true)
    predict.methods = [.predict]
    await #expect {
      try await fixture.run(predict, model)
    } throws: {
      "\($0)".contains("--verify needs")
    }
  }
}
