import Attribution
import Foundation
import Genomics
import TestSupport
import Testing
import TrackIO

@testable import ScanPipeline

@Suite("Runs: identity, resuming, regions")
struct RunTests {
  static func fixture() throws -> ScanFixture {
    try ScanFixture([
      ("chr2", ScanFixture.bases(2_600, seed: 21, unknown: [1_000..<1_100])),
      ("chr10", ScanFixture.bases(1_700, seed: 22)),
      ("tiny", ScanFixture.bases(9, seed: 23)),
    ])
  }

  static func request(
    _ fixture: ScanFixture, _ output: String, perWindow: Bool, _ change: (inout ScanRequest) -> Void = { _ in }
  )
    -> ScanRequest
  {
    fixture.request(output) {
      $0.methods = [.predict, .tism, .ism]
      $0.reductions = perWindow ? [.importance, .loss] : [.importance, .alt, .newSite]
      if !perWindow { $0.calls = 0.6 }
      change(&$0)
    }
  }

  static func model(perWindow: Bool) throws -> ScanModel {
    try perWindow ? windowModel(length: 24) : StrandTests.filter.model(offset: 2)
  }

  @Test("outputs are the same bytes for any number of threads and any tile", arguments: [true, false])
  func byteIdentity(perWindow: Bool) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: perWindow)
    try await fixture.run(Self.request(fixture, "one", perWindow: perWindow) { $0.resources.threads = 1 }, model)
    try await fixture.run(
      Self.request(fixture, "many", perWindow: perWindow) {
        $0.resources.threads = 5
        $0.tile = perWindow ? nil : 100
      }, model)
    let one = try fixture.digests("one")
    #expect(one.split(separator: "\n").count > 20)
    #expect(one == (try fixture.digests("many")))
  }

  @Test("outputs are the same bytes however the work is cut", arguments: [true, false], [1, 2, 7, 500])
  func cuts(perWindow: Bool, count: Int) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: perWindow)
    for (name, cut) in [("default", nil), ("cut", ScanRequest.Cut.count(count))] {
      try await fixture.run(
        Self.request(fixture, name, perWindow: perWindow) {
          $0.cut = cut
          // Without an audit, which keeps blocks whole.
          $0.audit = 0
        }, model)
    }
    let whole = try fixture.digests("default", shards: false)
    #expect(whole.contains("run.json") && whole.split(separator: "\n").count > 20)
    #expect(whole == (try fixture.digests("cut", shards: false)))
    #expect(try Shell.output("ls \(fixture.folder.file("cut"))/shards | wc -l") == "\(count)\n")
  }

  @Test("an interrupted run resumes to the same bytes; a complete one is left alone", arguments: [true, false])
  func resumes(perWindow: Bool) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: perWindow)
    // Audits keep blocks whole; without one there are several shards.
    let request = Self.request(fixture, "out", perWindow: perWindow) { $0.audit = 0 }
    try await fixture.run(request, model)
    let whole = try fixture.digests("out")
    let out = fixture.folder.file("out")

    // Killed while merging: no record, no tracks, a shard missing, one truncated, one with a flipped bit, one of another run.
    _ = try Shell.output(
      """
      cd \(out) && rm run.json *.bw *.bedGraph.gz && rm shards/000001.shard && truncate -s -3 shards/000002.shard \
      && printf '\\377' | dd of=shards/000003.shard bs=1 seek=400 conv=notrunc 2>/dev/null \
      && cp shards/000005.shard shards/000004.shard
      """)
    try await fixture.run(request, model)
    #expect(try fixture.digests("out") == whole)

    let before = try Shell.output("find \(out) -type f -printf '%p %T@ %i\\n' | sort")
    try await fixture.run(request, model)
    #expect(try Shell.output("find \(out) -type f -printf '%p %T@ %i\\n' | sort") == before)
  }

  @Test("a complete run that lost tracks is merged again, or says how to redo it", arguments: [true, false])
  func lostTracks(perWindow: Bool) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: perWindow)
    var request = Self.request(fixture, "out", perWindow: perWindow) { $0.regionStrings = ["chr10:101-400"] }
    try await fixture.run(request, model)
    let whole = try fixture.digests("out")
    let record = String(decoding: fixture.folder.read("out/run.json"), as: UTF8.self)
    // Every data file is recorded by the digest that md5sum gives.
    for line in whole.split(separator: "\n") {
      let fields = line.split(separator: " ")
      let name = fields[1].dropFirst(2)
      guard !name.contains("shards/"), !["run.json", "manifest.json", "igv_session.xml"].contains(name) else {
        continue
      }
      #expect(record.contains("\"md5\" : \"\(fields[0])\",\n      \"name\" : \"\(name)\""), "\(name)")
    }
    #expect(String(decoding: fixture.folder.read("out/igv_session.xml"), as: UTF8.self).contains("chr10:101-1700"))
    let damage =
      "cd \(fixture.folder.file("out")) && rm $(ls *.plus.bw | head -1) && truncate -s -1 $(ls *.gz | tail -1)"
    _ = try Shell.output(damage)
    try await fixture.run(request, model)
    #expect(try fixture.digests("out") == whole)

    request.dropsShards = true
    request.force = true
    try await fixture.run(request, model)
    request.force = false
    try await fixture.run(request, model)
    _ = try Shell.output(damage)
    await #expect {
      try await fixture.run(request, model)
    } throws: {
      "\($0)".contains(".plus.bw, ") && "\($0)".contains("--force starts over")
    }
  }

  @Test("what killed processes left is taken away; what others have there stays")
  func leftovers() async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: false)
    let request = Self.request(fixture, "out", perWindow: false)
    try await fixture.run(request, model)
    let own = TemporaryWriter.own
    let mine = ".run.json.\(own.host)-\(own.process)-1z.tmp"
    // A process of another machine may live, whatever runs here under its number.
    let other = "shards/.000001.shard.elsewhere-999999999-0.tmp"
    let dead = "\(own.host)-999999999"
    for name in [".tism.a.plus.bw.\(dead)-k3.tmp", "shards/.000001.shard.\(dead)-0.tmp", mine, other, ".notes.tmp"] {
      fixture.folder.write("out/\(name)", "x")
    }
    try await fixture.run(request, model)
    let left = try Shell.output("cd \(fixture.folder.file("out")) && find . -name '.*.tmp' | LC_ALL=C sort")
    #expect(left.split(separator: "\n").map(String.init) == ["./.notes.tmp", "./\(mine)", "./\(other)"].sorted())
  }

  @Test("cancelling leaves a folder without tracks that the same request completes")
  func cancelled() async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: false)
    try await fixture.run(Self.request(fixture, "whole", perWindow: false) { $0.audit = 0 }, model)
    let request = Self.request(fixture, "cut", perWindow: false) { $0.audit = 0 }
    let scan = Task { try await ScanFixture.run(request, model) }
    // Cancel as soon as one shard is there: in the middle of the scan.
    while (try? FileManager.default.contentsOfDirectory(atPath: fixture.folder.file("cut/shards")))?
      .contains(where: { $0.hasSuffix(".shard") }) != true
    {
      await Task.yield()
    }
    scan.cancel()
    await #expect(throws: CancellationError.self) { try await scan.value }
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture.folder.file("cut"))
    #expect(!names.contains("run.json") && !names.contains { $0.hasSuffix(".bw") })
    try await fixture.run(request, model)
    #expect(try fixture.digests("cut") == fixture.digests("whole"))
  }

  @Test("another plan in the folder is refused, naming the first difference, and replaced by force")
  func otherRun() async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: false)
    try await fixture.run(Self.request(fixture, "out", perWindow: false), model)
    let other = Self.request(fixture, "out", perWindow: false) { $0.strands = .plus }
    await #expect {
      try await fixture.run(other, model)
    } throws: {
      "\($0)".contains("settings.strands: \"both\" there, \"+\" here") && "\($0)".contains("--force")
    }
    var forced = other
    forced.force = true
    try await fixture.run(forced, model)
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture.folder.file("out"))
    #expect(names.contains { $0.hasSuffix("plus.bw") } && !names.contains { $0.hasSuffix("minus.bw") })

    try FileManager.default.createDirectory(atPath: fixture.folder.file("theirs"), withIntermediateDirectories: true)
    fixture.folder.write("theirs/notes.txt", "mine")
    await #expect(throws: ScanError.self) {
      try await fixture.run(Self.request(fixture, "theirs", perWindow: false), model)
    }
  }

  @Test("regions choose which bases are scored and change no value", arguments: [true, false])
  func regions(perWindow: Bool) async throws {
    let fixture = try Self.fixture()
    let model = try Self.model(perWindow: perWindow)
    let regions = fixture.folder.write(
      "r.bed", "chr10\t100\t330\nchr2\t995\t1105\nchr10\t300\t400\ntiny\t0\t9\nchr2\t2500\t2600\n")
    let excluded = fixture.folder.write("x.bed", "chr10\t120\t121\n")
    try await fixture.run(Self.request(fixture, "whole", perWindow: perWindow), model)
    try await fixture.run(
      Self.request(fixture, "part", perWindow: perWindow) {
        $0.regions = regions
        $0.regionStrings = ["chr2:11-20"]
        $0.exclude = excluded
      }, model)
    var wanted = ["chr2": Set(995..<1_105).union(2_500..<2_600).union(10..<20), "tiny": Set(0..<9)]
    wanted["chr10"] = Set(100..<400).subtracting([120])
    let target = perWindow ? "0_0" : "weighted"
    for stem in [
      "predict.\(perWindow ? "0_0" : "probability")", "tism.\(target).importance", "ism.\(target).importance",
    ] {
      for strand in ["plus", "minus"] {
        let (whole, part) = (
          try fixture.track("whole", "\(stem).\(strand)"), try fixture.track("part", "\(stem).\(strand)")
        )
        for contig in fixture.contigs {
          for position in 0..<contig.bases.count {
            let expected = wanted[contig.name]!.contains(position) ? whole[contig.name]![position] : .nan
            let value = part[contig.name]![position]
            #expect(
              value.bitPattern == expected.bitPattern || value.isNaN && expected.isNaN,
              "\(stem) \(contig.name) \(position)")
          }
        }
      }
    }
    let record =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: fixture.folder.file("part/run.json")))) as! [String: Any]
    let counts = record["counts"] as! [String: Any]
    let bases = wanted.values.reduce(0) { $0 + $1.count }
    #expect(counts["scoredStrandBases"] as? Int == 2 * (bases - 100))
    #expect(counts["unknownStrandBases"] as? Int == 200)
    // The contig of 9 bases is padded to a window of 24, once a strand and method that reads windows.
    #expect((counts["paddedColumns"] as! Int > 0) == perWindow)
  }

  @Test("center and summit windows score the region's window, each base once")
  func anchored() async throws {
    let fixture = try Self.fixture()
    let model = try windowModel(length: 24)
    let peaks = fixture.folder.write(
      "p.narrowPeak",
      "chr10\t100\t130\tp\t0\t.\t1\t1\t1\t4\nchr10\t110\t130\tq\t0\t.\t1\t1\t1\t8\nchr2\t0\t4\ts\t0\t.\t1\t1\t1\t1\n")
    for (anchor, centres) in [(WindowAnchor.center, [115, 120]), (.summit, [104, 118])] {
      for overlap in OverlapRule.allCases {
        let name = "\(anchor)-\(overlap)"
        try await fixture.run(
          Self.request(fixture, name, perWindow: true) {
            $0.regions = peaks
            $0.windowAt = anchor
            $0.overlap = overlap
          }, model)
        let track = try fixture.track(name, "tism.0_0.importance.plus")
        let scored = Set((centres[0] - 12)..<(centres[0] + 12)).union((centres[1] - 12)..<(centres[1] + 12))
        for position in 0..<1_700 { #expect(track["chr10"]![position].isNaN != scored.contains(position)) }
        #expect(track["chr2"]!.prefix(while: { !$0.isNaN }).count == (anchor == .center ? 14 : 13))
      }
    }
    await #expect(throws: ScanError.self) {
      try await fixture.run(Self.request(fixture, "none", perWindow: true) { $0.windowAt = .center }, model)
    }
  }
}
