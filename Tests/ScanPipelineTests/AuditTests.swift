import Attribution
import Foundation
import GenomeIO
import Genomics
import TestSupport
import Testing

@testable import ScanPipeline

@Suite("TISM with its error: audits")
struct AuditTests {
  /// Contigs with unknown bases; regions of the long one lie on both sides of a border of the grid.
  static func fixture() throws -> ScanFixture {
    try ScanFixture([
      ("long", ScanFixture.bases(66_500, seed: 51, unknown: [65_600..<65_650])),
      ("short", ScanFixture.bases(1_500, seed: 52)),
    ])
  }
  static let regions = ["long:64,900-66,300", "long:101-700", "short"]

  /// - Parameter perWindow: a dense layer with tanh, else a filter whose summed probability is scored: both far from linear.
  static func request(
    _ fixture: ScanFixture, _ output: String, perWindow: Bool, _ change: (inout ScanRequest) -> Void = { _ in }
  ) -> ScanRequest {
    fixture.request(output) {
      $0.regionStrings = regions
      $0.targets = perWindow ? ["0:0", "0:1"] : ["probability", "logit"]
      $0.reductions = [.alt]
      $0.formats = [.bedgraph]
      $0.audit = nil
      change(&$0)
    }
  }

  static func model(perWindow: Bool) throws -> ScanModel {
    try perWindow ? windowModel(length: 24) : StrandTests.filter.model()
  }

  struct Record: Decodable {
    struct Track: Decodable {
      let files: [String]
      let label: String
    }
    let audit: AuditRecord?
    let tracks: [Track]
  }

  static func record(_ fixture: ScanFixture, _ output: String) throws -> Record {
    try JSONDecoder().decode(Record.self, from: Data(fixture.folder.read("\(output)/run.json")))
  }

  /// The scores of all edits of a run's tracks, in one order.
  static func scores(_ fixture: ScanFixture, _ output: String, _ method: String, _ target: String) throws -> [Float] {
    try ["plus", "minus"].flatMap { strand in
      let tracks = try "ACGT".map { try fixture.track(output, "\(method).\(target).alt-\($0).\(strand)") }
      return fixture.contigs.flatMap { contig in tracks.flatMap { $0[contig.name]! } }
    }
  }

  private static func values(_ agreement: Agreement) -> [Double] {
    [agreement.pearson, agreement.spearman, agreement.slope, agreement.signAgreement, agreement.topRecall].map {
      $0?.value ?? -9
    }
  }

  @Test(
    "a sample of everything gives the statistics of everything, on both strands, with no interval",
    arguments: [true, false])
  func everything(perWindow: Bool) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: perWindow)
    try await fixture.run(Self.request(fixture, "audit", perWindow: perWindow) { $0.audit = 1_000_000 }, model)
    try await fixture.run(
      Self.request(fixture, "full", perWindow: perWindow) {
        $0.methods = [.tism, .ism]
        $0.audit = 1_500
      }, model)
    let audit = try #require(try Self.record(fixture, "audit").audit)
    let sampled = try #require(try Self.record(fixture, "full").audit)
    let targets: [String] = perWindow ? ["0_0", "0_1"] : ["probability", "logit"]
    for (number, target) in targets.enumerated() {
      let tism = try Self.scores(fixture, "full", "tism", target), ism = try Self.scores(fixture, "full", "ism", target)
      var pairs = ScorePairs()
      for (a, b) in zip(tism, ism) where !a.isNaN {
        pairs.beginUnit()
        pairs.append(a, b)
      }
      #expect(pairs.count == 2 * 3 * (1_401 + 600 + 1_500 - 50))
      let wanted = Self.values(Agreement(pairs))
      let found = audit.targets[number].tism
      #expect(found.pairs == pairs.count && audit.bases * 3 == pairs.count)
      for (a, b) in zip(Self.values(found), wanted) { #expect(abs(a - b) < 1e-9) }
      #expect(found.pearson?.low == found.pearson?.value && found.topRecall?.high == found.topRecall?.value)
      // Exact scores that the run makes anyway serve the audit: here a sample, with intervals.
      let half = sampled.targets[number].tism
      #expect(half.pairs == 3 * sampled.bases && abs(sampled.bases - 500) < 25)
      for (a, b) in zip(Self.values(half), wanted) { #expect(abs(a - b) < 0.15) }
    }
    #expect(audit.strata.reduce(0) { $0 + $1.bases } == audit.bases && audit.strata.allSatisfy { $0.bases == $0.drawn })
  }

  @Test("of a linear model: correlation and slope 1, every sign and every large score found", arguments: [60, 600])
  func linear(edits: Int) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: false)
    try await fixture.run(
      Self.request(fixture, "out", perWindow: false) {
        $0.targets = ["logit", "weighted"]
        $0.audit = edits
      }, model)
    let record = try Self.record(fixture, "out")
    let audit = try #require(record.audit)
    // Strata of blocks are drawn by rounding up or down at random.
    #expect(abs(audit.bases - edits / 3) <= 24)
    for target in audit.targets {
      for (value, tolerance) in zip(Self.values(target.tism), [1e-9, 1e-3, 1e-5, 0.02, 0.05]) {
        #expect(abs(value - 1) < tolerance, "\(target)")
      }
    }
    #expect(record.tracks.allSatisfy { $0.label.contains("Pearson 1.000") && $0.label.contains("sampled edits") })
    let session = String(decoding: fixture.folder.read("out/igv_session.xml"), as: UTF8.self)
    #expect(session.contains("(r 1.00 with ISM)"))
  }

  @Test("the same bytes for any threads and tiles, and after an interruption", arguments: [true, false])
  func bytes(perWindow: Bool) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: perWindow)
    let request = Self.request(fixture, "one", perWindow: perWindow) {
      $0.audit = 300
      $0.hybrid = 0.1
      $0.resources.threads = 1
    }
    try await fixture.run(request, model)
    var many = request
    many.output = fixture.folder.file("many")
    many.resources.threads = 5
    many.tile = perWindow ? nil : 100
    try await fixture.run(many, model)
    let one = try fixture.digests("one")
    #expect(one == (try fixture.digests("many")))
    _ = try Shell.output(
      "cd \(fixture.folder.file("many")) && rm run.json *.gz shards/000002.shard && truncate -s -9 shards/000001.shard")
    try await fixture.run(many, model)
    #expect(one == (try fixture.digests("many")))
  }

  /// The plan of a request with its scanner, and the bases of one shard.
  static func planned(_ request: ScanRequest, _ model: ScanModel) throws -> (Manifest, ShardScanner) {
    let plan = try ScanPlanner(request: request, models: [model]).plan(ReferenceReader(path: request.genome))
    return (plan.manifest, plan.scanner)
  }

  @Test("the default audit does not depend on the tile")
  func tiles() throws {
    let fixture = try ScanFixture([("long", ScanFixture.bases(160_000, seed: 53))])
    let manifests = try [nil, 64, 1_000].map { (tile: Int?) -> [UInt8] in
      let request = fixture.request("out") {
        $0.audit = nil
        $0.tile = tile
      }
      let model = try StrandTests.filter.model()
      let plan = try ScanPlanner(request: request, models: [model]).plan(ReferenceReader(path: fixture.genome))
      #expect(plan.manifest.settings.audit != nil)
      return try plan.manifest.encoded()
    }
    #expect(Set(manifests).count == 1)
  }

  @Test("what is drawn and replaced in a block is the same whatever else its unit holds")
  func shards() throws {
    let fixture = try Self.fixture()
    let request = Self.request(fixture, "out", perWindow: false) {
      $0.audit = 300
      $0.hybrid = 0.2
    }
    let (manifest, scanner) = try Self.planned(request, try Self.model(perWindow: false))
    let reader = try ReferenceReader(path: request.genome)
    let stretches = manifest.shards.flatMap(\.stretches)
    #expect(GridBlock.blocks(of: stretches).count == 3)
    func score(_ stretches: [Manifest.Stretch]) throws -> UnitResult {
      let unit = WorkUnit(strand: .minus, stretches: stretches)
      return try scanner.score(unit, scanner.bases(of: unit, from: reader))
    }
    let whole = try score(stretches)
    var parts = UnitResult()
    for block in GridBlock.blocks(of: stretches) {
      let part = try score(
        block.runs.map {
          Manifest.Stretch(contig: block.contig, start: $0.positions.lowerBound, end: $0.positions.upperBound)
        })
      for (name, values) in part.sections {
        let isIndex = name == ShardScanner.AuditSection.base
        let moved = isIndex ? values.map { $0 + Float(parts.codes.count) } : values
        if name == ShardScanner.AuditSection.population, let before = parts.sections[name] {
          parts.sections[name] = zip(before, moved).map { $0 + $1 }
        } else {
          parts.append(moved, to: name)
        }
      }
      parts.codes += part.codes
    }
    #expect(whole.sections.keys == parts.sections.keys)
    for (name, values) in whole.sections {
      #expect(values.map(\.bitPattern) == parts.sections[name]!.map(\.bitPattern), "\(name)")
    }
    #expect(whole.sections["audit/base"]!.count > 30)
  }

  /// The draws are a hash of the contig's name: other names are other draws of the same scores.
  @Test("draws are as many as asked for, unbiased, and their intervals hold the truth about 95 times of 100")
  func coverage() throws {
    let fixture = try ScanFixture([("x", ScanFixture.bases(4_000, seed: 60))])
    let genes = fixture.folder.write("g.gff", "x\t.\tCDS\t1001\t2500\t.\t+\t0\tID=a\n")
    let request = fixture.request("out") {
      $0.methods = [.tism, .ism]
      $0.targets = ["probability"]
      $0.strands = .plus
      $0.genes = genes
      $0.audit = 450
    }
    let (manifest, scanner) = try Self.planned(request, try Self.model(perWindow: false))
    let shard = WorkUnit(strand: .plus, stretches: manifest.shards.flatMap(\.stretches))
    let bases = try scanner.bases(of: shard, from: ReferenceReader(path: request.genome))
    var plain = scanner
    plain.audit = nil
    let scored = try plain.score(shard, bases)
    func record(_ name: String, bases count: Int) throws -> AuditRecord {
      var other = ShardScanner(
        contigs: [Contig(name: name, length: 4_000)], plans: scanner.plans, methods: scanner.methods,
        engine: scanner.engine, newSites: false)
      other.audit = AuditSampling(bases: count, total: 4_000, coding: scanner.audit?.coding)
      var result = scored
      try other.refine(&result, shard, bases, isPartner: false)
      var totals = AuditTotals(manifest.settings)
      totals.add { result.sections[$0] }
      return totals.record
    }
    let whole = try record("x", bases: 4_000)
    #expect(whole.strata.count == 12 && whole.strata.dropFirst(6).reduce(0) { $0 + $1.bases } == 1_500)
    let truth = Self.values(whole.targets[0].tism)
    var covered = truth.map { _ in 0 }
    var (drawn, mean) = ([Int](), truth.map { _ in 0.0 })
    for seed in 0..<100 {
      let found = try record("contig \(seed)", bases: 150)
      drawn.append(found.bases)
      let agreement = found.targets[0].tism
      let estimates = [
        agreement.pearson, agreement.spearman, agreement.slope, agreement.signAgreement, agreement.topRecall,
      ]
      for (index, estimate) in estimates.enumerated() {
        let estimate = try #require(estimate)
        mean[index] += estimate.value / 100
        if estimate.low! <= truth[index] && truth[index] <= estimate.high! { covered[index] += 1 }
      }
    }
    #expect(drawn.allSatisfy { abs($0 - 150) <= 12 })
    #expect(abs(Double(drawn.reduce(0, +)) / 100 - 150) < 1)
    for (value, wanted) in zip(mean, truth) { #expect(abs(value - wanted) < 0.05, "\(mean) \(truth)") }
    for count in covered { #expect(count >= 87, "\(covered)") }
  }

  @Test("the default costs at most a tenth of the run, and nothing is drawn where that is nothing")
  func budget() async throws {
    let fixture = try Self.fixture()
    for perWindow in [true, false] {
      let request = Self.request(fixture, "out", perWindow: perWindow)
      let (manifest, scanner) = try Self.planned(request, try Self.model(perWindow: perWindow))
      let budget = try AuditBudget(
        scanner.plans, engine: .fast, strandBases: 7_000, step: manifest.settings.step)
      #expect(Double(budget.bases) * budget.base <= 0.1 * budget.run)
      #expect(manifest.settings.audit ?? 0 == 3 * budget.bases)
      let larger = try AuditBudget(
        scanner.plans, engine: .fast, strandBases: 2_000_000_000, step: manifest.settings.step)
      #expect(larger.bases == AuditBudget.most)
      let none = try Self.planned(
        Self.request(fixture, "out", perWindow: perWindow) { $0.audit = 0 }, try Self.model(perWindow: perWindow))
      #expect(none.0.settings.audit == nil && none.1.audit == nil)
    }
  }

  @Test("what makes no sense is refused, and genes that do not fit are named")
  func errors() throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: false)
    let bad = fixture.folder.write("bad.gff", "##gff-version 3\nchr9\t.\tCDS\t1\t9\t.\t+\t0\tID=a\n")
    let empty = fixture.folder.write("empty.gff", "short\t.\tgene\t1\t9\t.\t+\t.\tID=a\n")
    let cases: [(String, (inout ScanRequest) -> Void)] = [
      ("--audit -1", { $0.audit = -1 }), ("--hybrid 1.5", { $0.hybrid = 1.5 }), ("--hybrid -0.1", { $0.hybrid = -0.1 }),
      (
        "--hybrid needs --method tism",
        {
          $0.methods = [.ism]
          $0.audit = nil
          $0.hybrid = 0.5
        }
      ),
      (
        "--audit needs --method tism",
        {
          $0.methods = [.predict]
          $0.audit = 5
        }
      ),
      (
        "--genes needs an audit",
        {
          $0.audit = 0
          $0.genes = empty
        }
      ), ("bad.gff:2: the reference has no sequence named chr9", { $0.genes = bad }),
      ("empty.gff: no feature of type CDS", { $0.genes = empty }),
    ]
    for (text, change) in cases {
      let request = Self.request(fixture, "out", perWindow: false) {
        $0.audit = 30
        change(&$0)
      }
      #expect {
        _ = try Self.planned(request, model)
      } throws: {
        "\($0)".contains(text)
      }
    }
  }
}
