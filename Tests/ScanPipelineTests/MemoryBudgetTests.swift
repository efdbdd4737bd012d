import GenomeIO
import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Memory of a scan")
struct MemoryBudgetTests {
  private static func scanner(_ fixture: ScanFixture, perWindow: Bool) throws -> ShardScanner {
    let request = RunTests.request(fixture, "out", perWindow: perWindow)
    return try ScanPlanner(request: request, models: [RunTests.model(perWindow: perWindow)]).plan(
      ReferenceReader(path: fixture.genome)
    ).scanner
  }

  @Test("fewer threads run where all do not fit, and none where one does not", arguments: [true, false])
  func settles(perWindow: Bool) throws {
    let fixture = try RunTests.fixture()
    let scanner = try Self.scanner(fixture, perWindow: perWindow)
    let unit = 100 << 20
    let all = try MemoryBudget(limit: 1 << 50).settle(scanner, threads: 8, unitBytes: unit)
    #expect(all.threads == 8)
    let tight = try MemoryBudget(limit: all.bytes - unit).settle(scanner, threads: 8, unitBytes: unit)
    #expect(1..<8 ~= tight.threads && tight.bytes <= all.bytes - unit)
    #expect {
      try MemoryBudget(limit: 1 << 20).settle(scanner, threads: 8, unitBytes: unit)
    } throws: {
      "\($0)".contains("give at least --max-memory")
    }
  }

  @Test("control groups of both versions limit, their parents too")
  func groups() throws {
    let folder = TemporaryFolder()
    _ = try Shell.output(
      """
      cd \(folder.path) && mkdir -p a/b memory/job/step \
      && echo max > memory.max && echo 3000000 > a/memory.max && echo 5000000 > a/b/memory.max \
      && echo 9223372036854771712 > memory/memory.limit_in_bytes && echo 7000 > memory/job/memory.limit_in_bytes
      """)
    #expect(MemoryBudget.groupLimit(of: "0::/a/b\n", root: folder.path) == 3_000_000)
    #expect(MemoryBudget.groupLimit(of: "0::/\n", root: folder.path) == nil)
    #expect(MemoryBudget.groupLimit(of: "5:cpu,cpuacct:/x\n4:memory:/job/step\n", root: folder.path) == 7_000)
    #expect(MemoryBudget.groupLimit(of: "", root: folder.path) == nil)
  }
}
