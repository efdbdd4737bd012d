import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Status of a run")
struct RunStatusTests {
  @Test("failures stand until the shard is there; processes elsewhere count until they are silent")
  func status() async throws {
    let fixture = try RunTests.fixture()
    let model = try RunTests.model(perWindow: true)
    let request = RunTests.request(fixture, "out", perWindow: true) {
      $0.methods = [.predict]
      $0.reductions = []
      $0.audit = 0
      $0.cut = .count(4)
    }
    try await fixture.run(request, model)
    let out = fixture.folder.file("out")
    var status = try RunStatus(of: out)
    #expect(status.done == 4 && status.missing.isEmpty && status.isMerged && status.secondsLeft == 0)
    #expect(status.running.isEmpty && status.failed.isEmpty && status.doneStrandBases == status.strandBases)

    let log = try RunLog(of: RunFolder(opening: out), copy: nil)
    log.write(.failed, ["shard": 2, "reason": "not finite"])
    log.write(.failed, ["shard": 3, "reason": "not finite"])
    fixture.folder.write(
      "out/log/elsewhere-77-k1.jsonl",
      """
      {"event":"start","command":"scan","host":"elsewhere","shards":"2-3"}
      {"event":"progress","scored":1000,"elapsed":10.0}

      """)
    _ = try Shell.output("rm \(out)/shards/000002.shard \(out)/shards/000004.shard")
    #expect(try RunStatus(of: out).done == 4, "a merged run needs no shards")
    _ = try Shell.output("rm \(out)/run.json")
    status = try RunStatus(of: out)
    #expect(status.done == 2 && status.missing == "2, 4")
    #expect(status.failed.map(\.shard) == [2] && status.failed[0].reason == "not finite")
    #expect(status.running.map(\.host) == ["elsewhere"] && status.running[0].basesPerSecond == 100)
    #expect(status.secondsLeft == Double(status.strandBases - status.doneStrandBases) / 100)
    #expect(status.text.contains("elsewhere, process 77, shards 2-3: 100 strand bases a second"))

    _ = try Shell.output("touch -d '10 minutes ago' \(out)/log/elsewhere-77-k1.jsonl")
    status = try RunStatus(of: out)
    #expect(status.running.isEmpty && status.secondsLeft == nil && status.text.contains("unknown: nothing is running"))
    log.write(.shard, ["shard": 2])
    #expect(try RunStatus(of: out).failed.isEmpty)
  }
}
