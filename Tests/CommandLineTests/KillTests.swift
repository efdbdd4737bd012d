import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Command line: processes killed at any moment")
struct KillTests {
  private static let digest =
    "find . -type f ! -path './log/*' ! -path './shards/*' ! -name request.json | LC_ALL=C sort | xargs sha256sum"

  /// Starts a command and kills it after `delay` seconds.
  /// - Returns: whether it was killed before its end.
  private static func kill(_ arguments: [String], after delay: Double) throws -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tool.path)
    process.arguments = arguments + ["--quiet", "--threads", "2"]
    process.standardError = FileHandle.nullDevice
    try process.run()
    Thread.sleep(forTimeInterval: delay)
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    if process.terminationReason == .exit { #expect(process.terminationStatus == 0, "\(arguments)") }
    return process.terminationReason == .uncaughtSignal
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
    let start = Date()
    #expect(try Tool.run("scan", "--run", folder.file("whole")).status == 0)
    let scan = Date().timeIntervalSince(start)
    #expect(try Tool.run("merge", folder.file("whole")).status == 0)
    let merge = Date().timeIntervalSince(start) - scan
    let whole = try Shell.output("cd \(folder.file("whole")) && \(Self.digest)")

    try plan("cut")
    let run = folder.file("cut")
    var random = SplitMix64(seed: UInt64(Date().timeIntervalSince1970))
    var kills = 0
    for _ in 0..<8 {
      // Another process at the same shards, and not only its own.
      let other = Process()
      other.executableURL = URL(fileURLWithPath: Tool.path)
      other.arguments = ["scan", "--run", run, "--part", "1/3", "--quiet"]
      other.standardError = FileHandle.nullDevice
      try other.run()
      kills += try Self.kill(["scan", "--run", run], after: .random(in: 0...scan, using: &random)) ? 1 : 0
      if other.isRunning { kills += 1 }
      Glibc.kill(other.processIdentifier, SIGKILL)
      other.waitUntilExit()
    }
    #expect(try Tool.run("scan", "--run", run).status == 0)
    for _ in 0..<6 { kills += try Self.kill(["merge", run], after: .random(in: 0...merge, using: &random)) ? 1 : 0 }
    #expect(try Tool.run("merge", run).status == 0)
    #expect(kills >= 6, "only \(kills) processes were killed")
    #expect(try Shell.output("cd \(run) && \(Self.digest)") == whole)
    // Nothing of the killed is left.
    #expect(try Shell.output("find \(run) -name '.*'").isEmpty)
  }
}
