import Foundation
import TestSupport
import Testing

/// The law of shards on the genome of the demo; `make test-system` has more of it.
@Suite("Command line: the same bytes however a run was made")
struct IdentityTests {
  private static let genome = Tool.root + "/examples/ecoli/NC_000913.3.fa.gz"

  /// sha256 of every output by name.
  private static func digests(_ run: String) throws -> String {
    try Shell.output(
      "cd \(run) && find . -type f ! -path './log/*' ! -path './shards/*' ! -name request.json ! -name manifest.json "
        + "| LC_ALL=C sort | xargs sha256sum")
  }

  @Test("1 and 7 shards, in any order, one thread and several, with and without AVX-512, interrupted or not")
  func identical() throws {
    let folder = TemporaryFolder()
    let options = [
      "--model", Tool.model, "--genome", Self.genome, "--region", "NC_000913.3:3,400,001-3,401,200", "--method", "tism",
      "--audit", "0", "--reduce", "importance,alt", "--format", "bigwig,bedgraph",
    ]
    let whole = try Tool.run(["scan", "--threads", "1", "--output", folder.file("whole")] + options)
    #expect(whole.status == 0, "\(whole.messages)")
    let wanted = try Self.digests(folder.file("whole"))
    #expect(wanted.split(separator: "\n").count == 33)
    for shards in [1, 7] {
      let run = folder.file("\(shards)")
      let planned = try Tool.run(["plan", "--shards", "\(shards)", "--output", run] + options)
      #expect(planned.status == 0, "\(planned.messages)")
      // Some by the kernels of machines without AVX-512; then others, of which some are lost again.
      let other = try Tool.run(
        "scan", "--run", run, "--part", shards == 1 ? "1/1" : "2/3", "--threads", "1",
        environment: ["TISMSCAN_ISA": "v3"])
      #expect(other.status == 0, "\(other.messages)")
      if shards > 1 {
        #expect(try Tool.run("scan", "--run", run, "--shard", "5-7", "--threads", "3").status == 0)
        _ = try Shell.output("cd \(run)/shards && rm 000006.shard && truncate -s -1 000007.shard")
      }
      #expect(try Tool.run("scan", "--run", run, "--threads", "3").status == 0)
      #expect(try Tool.run("merge", run, "--threads", "3").status == 0)
      #expect(try Self.digests(run) == wanted)
    }
  }
}
