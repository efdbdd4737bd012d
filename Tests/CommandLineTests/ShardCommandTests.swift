import Foundation
import TestSupport
import Testing

@Suite("Command line: plan, scan --run, merge, status")
struct ShardCommandTests {
  private static let digest =
    "find . -type f ! -path './log/*' ! -path './shards/*' ! -name request.json ! -name manifest.json "
    + "| LC_ALL=C sort | xargs sha256sum"

  private static func status(_ run: String) throws -> [String: Any] {
    let outcome = try Tool.run("status", run, "--json")
    #expect(outcome.status == 0, "\(outcome.messages)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  private static func plan(_ folder: TemporaryFolder, _ genome: String, _ more: String...) throws -> Tool.Outcome {
    try Tool.run(
      ["plan", "--model", Tool.model, "--genome", genome, "--method", "predict", "tism", "--audit", "0"] + more)
  }

  @Test("a merged run without its shards is done, for status and for scan")
  func merged() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let run = folder.file("run")
    #expect(try Self.plan(folder, genome, "--shards", "3", "--keep", "tracks", "--output", run).status == 0)
    #expect(try Tool.run("scan", "--run", run).status == 0)
    #expect(try Tool.run("merge", run).status == 0)
    let found = try Self.status(run)
    #expect(found["done"] as? Int == 3 && found["isMerged"] as? Bool == true && found["missing"] as? String == "")
    let again = try Tool.run("scan", "--run", run, "--shard", "2")
    #expect(again.status == 0 && again.messages.contains("merged: nothing to do"), "\(again.messages)")
    #expect(!FileManager.default.fileExists(atPath: run + "/shards"))
  }

  @Test("files that moved are named, and known by what is in them; what only the plan needed may be gone")
  func moved() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let run = folder.file("run")
    let name = try Shell.output("cut -f 1 \(genome).fai | head -n 1").trimmingCharacters(in: .whitespacesAndNewlines)
    let regions = folder.write("r.bed", "\(name)\t10\t200\n")
    let annotation = folder.write("a.bed", "\(name)\t1\t2\n")
    let planned = try Self.plan(
      folder, genome, "--regions", regions, "--annotation", annotation, "--circular", name, "--output", run)
    #expect(planned.status == 0, "\(planned.messages)")
    // As a copy has another time, the genome is read again.
    _ = try Shell.output(
      "cd \(folder.path) && mv r.bed s.bed && rm a.bed && touch -d tomorrow g.fa && cp \(Tool.model) other.onnx && touch \(name)"
    )
    let lost = try Tool.run("scan", "--run", run)
    #expect(lost.status == 3 && lost.messages.contains("r.bed"), "\(lost.messages)")
    let wrong = try Tool.run(
      "scan", "--run", run, "--regions", folder.write("w.bed", "\(name)\t10\t201\n"))
    #expect(wrong.status == 3 && wrong.messages.contains("regionFiles[0].md5"), "\(wrong.messages)")
    let found = try Tool.run(
      "scan", "--run", run, "--regions", folder.file("s.bed"), "--model", folder.file("other.onnx"))
    #expect(found.status == 0, "\(found.messages)")
    _ = try Shell.output("cd \(folder.path) && mkdir b && mv g.fa g.fa.fai b")
    let merged = try Tool.run("merge", run, "--genome", folder.file("b/g.fa"))
    #expect(merged.status == 0, "\(merged.messages)")
    #expect(try Shell.output("cat \(run)/igv_session.xml").contains("genome=\"../b/g.fa\""))
  }

  @Test("shards scanned one by one in any order and merged give what one scan gives")
  func pieces() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let run = folder.file("run")
    let planned = try Self.plan(folder, genome, "--shards", "4", "--output", run)
    #expect(planned.status == 0 && planned.output.contains("shards        4"), "\(planned.messages)")
    #expect(folder.names == ["g.fa", "g.fa.fai", "run"])
    let again = try Self.plan(folder, genome, "--shards", "4", "--output", run)
    #expect(again.status == 0, "\(again.messages)")
    let other = try Self.plan(folder, genome, "--shards", "5", "--output", run)
    #expect(other.status == 2 && other.messages.contains("4 shards there, 5 here"), "\(other.messages)")

    var found = try Self.status(run)
    #expect(found["done"] as? Int == 0 && found["shards"] as? Int == 4 && found["missing"] as? String == "1-4")
    for shards in [["--shard", "3"], ["--shard", "1,3", "--threads", "2"], ["--part", "2/2"]] {
      let scanned = try Tool.run(["scan", "--run", run] + shards)
      #expect(scanned.status == 0, "\(scanned.messages)")
      if shards == ["--shard", "3"] {
        let early = try Tool.run("merge", run)
        #expect(early.status == 4 && early.messages.contains("3 of 4 shards are missing: 1-2, 4"), "\(early.messages)")
      }
    }
    found = try Self.status(run)
    #expect(found["done"] as? Int == 4 && found["isMerged"] as? Bool == false)
    let merged = try Tool.run("merge", run, "--threads", "2")
    #expect(merged.status == 0, "\(merged.messages)")
    #expect(try Self.status(run)["isMerged"] as? Bool == true)
    #expect(try Tool.run("merge", run).messages.contains("nothing to do"))

    let whole = try Tool.run(
      "scan", "--model", Tool.model, "--genome", genome, "--method", "predict", "tism", "--audit", "0", "--output",
      folder.file("whole"))
    #expect(whole.status == 0, "\(whole.messages)")
    let outputs = try Shell.output("cd \(run) && \(Self.digest)")
    #expect(outputs.split(separator: "\n").count == 7)
    #expect(try outputs == Shell.output("cd \(folder.file("whole")) && \(Self.digest)"))
    // One go keeps the cut of a planned run, and finds it complete.
    let oneGo = try Tool.run(
      "scan", "--model", Tool.model, "--genome", genome, "--method", "predict", "tism", "--audit", "0", "--output", run)
    #expect(oneGo.status == 0 && oneGo.messages.contains("nothing to do"), "\(oneGo.messages)")
  }

  @Test("merging with shards missing leaves their bases without values and says so")
  func allowMissing() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let run = folder.file("run")
    _ = try Self.plan(folder, genome, "--shards", "3", "--format", "bedgraph", "--output", run)
    #expect(try Tool.run("scan", "--run", run, "--shard", "2").status == 0)
    let merged = try Tool.run("merge", run, "--allow-missing")
    #expect(merged.status == 0 && merged.messages.contains("2 shards were left out (1, 3)"), "\(merged.messages)")
    func lines() throws -> [[Substring]] {
      try Shell.output("zcat \(run)/tism.weighted.importance.plus.bedGraph.gz").split(separator: "\n").map {
        $0.split(separator: "\t")
      }
    }
    // The 964 bases of the genome in three shards.
    let part = try lines()
    #expect(part.first?[1] == "321" && part.last?[2] == "642" && part.allSatisfy { $0[0] == "one" })
    #expect(String(decoding: folder.read("run/run.json"), as: UTF8.self).contains("\"missing\" : ["))
    #expect(try Self.status(run)["isMerged"] as? Bool == false)

    #expect(try Tool.run("scan", "--run", run).status == 0)
    #expect(try Tool.run("merge", run).status == 0)
    #expect(try lines().count > part.count)
    #expect(try Self.status(run)["isMerged"] as? Bool == true)
  }

  @Test("what does not fit is refused by name")
  func refused() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let run = folder.file("run")
    let dry = try Self.plan(folder, genome, "--shards", "2", "--dry-run")
    #expect(dry.status == 0 && !folder.names.contains("run") && dry.output.contains("\n2\t"), "\(dry.messages)")
    for line in ["strand bases  1928", "edits         5784", "multiply-adds", "time", "memory", "disk"] {
      #expect(dry.output.contains("\(line)"), "\(dry.output)")
    }
    _ = try Self.plan(folder, genome, "--shards", "2", "--output", run)
    func scan(_ more: String...) throws -> Tool.Outcome { try Tool.run(["scan", "--run", run] + more) }
    for (flag, value) in [
      ("--method", "tism"), ("--output", "x"), ("--shards", "3"), ("--output-offset", "1"),
    ] {
      let outcome = try scan(flag, value)
      #expect(outcome.status == 2 && outcome.messages.contains("\(flag) does not go with --run"), "\(outcome.messages)")
    }
    #expect(try scan("--shard", "3").messages.contains("shards 1 to 2"))
    #expect(try scan("--part", "3/2").status == 2 && scan("--shard", "1", "--part", "1/2").status == 2)
    #expect(try Tool.run("scan", "--run", folder.file("none")).status == 3)
    #expect(try Tool.run("merge", folder.file("none")).status == 3)
    #expect(try Tool.run("status", folder.file("none")).status == 3)
    let wrong = try Tool.run(
      "scan", "--model", Tool.model, "--genome", genome, "--output", run, "--shard", "1")
    #expect(wrong.status == 2 && wrong.messages.contains("--shard is for scan --run"))

    // Another model under the old name, and another genome of the same contigs.
    let models = try scan("--model", Tool.fixture("deepsea.onnx"))
    #expect(models.status != 0)
    _ = try Shell.output(
      "cd \(folder.path) && tr 'A' 'C' < g.fa > other.fa && samtools faidx other.fa && touch -d '1 hour ago' g.fa")
    let genomes = try scan("--genome", folder.file("other.fa"))
    #expect(genomes.status == 3 && genomes.messages.contains("genome[0].md5"), "\(genomes.messages)")
    // A touched genome is read again and found to be the same; a moved one is found where it is said to be.
    _ = try Shell.output("cd \(folder.path) && mv g.fa moved.fa && mv g.fa.fai moved.fa.fai")
    #expect(try scan("--shard", "1").status == 3)
    let moved = try scan("--genome", folder.file("moved.fa"), "--shard", "1")
    #expect(moved.status == 0, "\(moved.messages)")
  }

  @Test("shards of another run are refused by what differs; damaged ones are scanned again")
  func foreign() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let run = folder.file("run")
    _ = try Self.plan(folder, genome, "--shards", "2", "--output", run)
    _ = try Self.plan(folder, genome, "--shards", "2", "--strand", "+", "--output", folder.file("other"))
    for run in [run, folder.file("other")] { #expect(try Tool.run("scan", "--run", run).status == 0) }
    _ = try Shell.output("cp \(folder.file("other"))/shards/000002.shard \(run)/shards/000002.shard")
    let foreign = try Tool.run("merge", run)
    #expect(foreign.status == 3 && foreign.messages.contains("other settings"), "\(foreign.messages)")
    // Scanning does it again.
    #expect(try Tool.run("scan", "--run", run, "--shard", "2").status == 0)
    // A bit that only reading all of it shows.
    _ = try Shell.output(
      "printf '\\001' | dd of=\(run)/shards/000001.shard bs=1 seek=4000 conv=notrunc 2>/dev/null")
    let damaged = try Tool.run("merge", run)
    #expect(
      damaged.status == 4 && damaged.messages.contains("shards 1 are not as they were written"), "\(damaged.messages)")
    #expect(!FileManager.default.fileExists(atPath: "\(run)/run.json"))
    #expect(try Tool.run("scan", "--run", run).status == 0)
    #expect(try Tool.run("merge", run).status == 0)
  }

  @Test("a log on request has a line an event; a scan without time stops with 4")
  func logs() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let run = folder.file("run")
    _ = try Self.plan(folder, genome, "--shards", "2", "--output", run)
    let stopped = try Tool.run(
      "scan", "--run", run, environment: ["SLURM_JOB_END_TIME": "\(Int(Date().timeIntervalSince1970) + 30)"])
    #expect(stopped.status == 4, "\(stopped.messages)")
    #expect(try Self.status(run)["done"] as? Int == 0)
    let scanned = try Tool.run("scan", "--run", run, "--log", "-", "--stop-after", "1h")
    #expect(scanned.status == 0)
    let events = try scanned.messages.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])["event"] as? String
    }
    #expect(events.first == "start" && events.last == "done" && events.filter { $0 == "shard" }.count == 2)
    #expect(try Tool.run("scan", "--run", run, "--stop-after", "soon").status == 2)
  }
}
