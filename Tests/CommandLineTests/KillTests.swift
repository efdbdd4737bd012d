import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Command line: processes killed at any moment")
struct KillTests {
  private static let digest =
    "find . -type f ! -path './log/*' ! -path './shards/*' ! -name request.json | LC_ALL=C sort | xargs sha256sum"

  private static func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tool.path)
    process.arguments = arguments + ["--quiet"]
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Begins processes and kills them at random moments until `kills` of them did not end before. How long they are let run
  /// follows from how long they take here and now, so that the kills fall on all of their work.
  private static func kill(
    _ kills: Int, using random: inout SplitMix64, _ begin: (inout SplitMix64) throws -> [Process]
  ) throws {
    var left = kills
    var longest = 0.5
    for _ in 0..<300 where left > 0 {
      let processes = try begin(&random)
      Thread.sleep(forTimeInterval: .random(in: 0...longest, using: &random))
      for process in processes { Glibc.kill(process.processIdentifier, SIGKILL) }
      var survived = false
      for process in processes {
        process.waitUntilExit()
        if process.terminationReason == .uncaughtSignal {
          left -= 1
        } else {
          #expect(process.terminationStatus == 0, "\(process.arguments ?? [])")
          survived = true
        }
      }
      longest *= survived ? 0.7 : 1.3
    }
    #expect(left <= 0, "\(left) of \(kills) processes ended before they could be killed")
  }

  @Test("a run killed again and again, two processes at a time, ends with the bytes of one that was not")
  func killed() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder, length: 3_000)
    func plan(_ run: String) throws {
      let planned = try Tool.run(
        "plan", "--model", Tool.model, "--genome", genome, "--method", "tism", "--audit", "0", "--shards", "8",
        "--format", "bigwig,bedgraph", "--output", folder.file(run))
      #expect(planned.status == 0, "\(planned.messages)")
    }
    try plan("whole")
    #expect(try Tool.run("scan", "--run", folder.file("whole")).status == 0)
    #expect(try Tool.run("merge", folder.file("whole")).status == 0)
    let whole = try Shell.output("cd \(folder.file("whole")) && \(Self.digest)")

    try plan("cut")
    let run = folder.file("cut")
    var random = SplitMix64(seed: UInt64(Date().timeIntervalSince1970))
    try Self.kill(16, using: &random) { random in
      // What was done is lost in part, so that there is always work to be killed at.
      for shard in try FileManager.default.contentsOfDirectory(atPath: run + "/shards") where shard.hasSuffix(".shard")
      {
        if Double.random(in: 0...1, using: &random) < 0.4 {
          try? FileManager.default.removeItem(atPath: run + "/shards/" + shard)
        }
      }
      // Another process at the same shards, and not only its own.
      return try [
        Self.start(["scan", "--run", run, "--threads", "2"]), Self.start(["scan", "--run", run, "--part", "1/3"]),
      ]
    }
    #expect(try Tool.run("scan", "--run", run).status == 0)
    try Self.kill(6, using: &random) { _ in try [Self.start(["merge", run])] }
    #expect(try Tool.run("merge", run).status == 0)
    #expect(try Shell.output("cd \(run) && \(Self.digest)") == whole)
    // Nothing of the killed is left.
    #expect(try Shell.output("find \(run) -name '.*'").isEmpty)
  }
}
