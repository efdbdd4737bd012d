import Foundation
import TestSupport
import Testing
import TrackIO

@Suite("Command line: scan")
struct ScanCommandTests {
  @Test("a scan writes its tracks, says what they mean, and is left alone the second time")
  func scan() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    func run(_ more: String...) throws -> Tool.Outcome {
      try Tool.run(
        "scan", "--model", Tool.model, "--genome", genome, "--method", "predict", "tism", "--reduce", "importance,loss",
        "--format", "bigwig", "bedgraph", "--calls", "0.01", "--output", folder.file("run"), "--threads", "2")
    }
    let first = try run()
    #expect(first.status == 0 && first.output.isEmpty, "\(first.messages)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("run")).sorted()
    var wanted = [
      "calls.probability.bed", "chrom.sizes", "igv_session.xml", "log", "manifest.json", "request.json", "run.json",
      "shards",
    ]
    for strand in ["plus", "minus"] {
      for stem in ["predict.probability", "tism.weighted.importance", "tism.weighted.loss"] {
        wanted += ["bw", "bedGraph.gz", "bedGraph.gz.tbi"].map { "\(stem).\(strand).\($0)" }
      }
    }
    #expect(names == wanted.sorted())
    let record = String(decoding: folder.read("run/run.json"), as: UTF8.self)
    #expect(record.contains("\"unknownStrandBases\" : 8") && record.contains("w = sigmoid(F)"))
    #expect(try Shell.output("cat \(folder.file("run/chrom.sizes"))") == "one\t900\ntwo\t64\n")

    let second = try run()
    #expect(second.status == 0 && second.messages.contains("nothing to do"))
    let other = try Tool.run(
      "scan", "--model", Tool.model, "--genome", genome, "--output", folder.file("run"), "--strand", "-")
    #expect(other.status == 2 && other.messages.contains("--force"))
  }

  @Test("tracks agree with score on the same sequence, on both strands")
  func agreesWithScore() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let scanned = try Tool.run(
      "scan", "--model", Tool.model, "--genome", genome, "--region", "one", "--method", "tism", "--reduce", "alt",
      "--format", "bedgraph", "--output", folder.file("run"))
    #expect(scanned.status == 0, "\(scanned.messages)")
    _ = try Shell.output(
      "samtools faidx \(genome) one > \(folder.file("plus.fa")) && samtools faidx -i \(genome) one > \(folder.file("minus.fa"))"
    )
    for strand in ["plus", "minus"] {
      let scored = try Tool.run(
        "score", "--model", Tool.model, "--sequences", folder.file("\(strand).fa"), "--output",
        folder.file("\(strand).npz"))
      #expect(scored.status == 0, "\(scored.messages)")
      let scores = try NumPyFile.readNPZ(path: folder.file("\(strand).npz"), only: ["tism"])["tism"]!.floats
      for (base, letter) in "ACGT".enumerated() {
        let text = try Shell.output("zcat \(folder.file("run"))/tism.weighted.alt-\(letter).\(strand).bedGraph.gz")
        var bases = 0
        for line in text.split(separator: "\n") {
          let fields = line.split(separator: "\t")
          for position in Int(fields[1])!..<Int(fields[2])! {
            let (row, column) = strand == "plus" ? (base, position) : (3 - base, 899 - position)
            #expect(Float(fields[3])! == scores[row * 900 + column])
            bases += 1
          }
        }
        #expect((600..<750).contains(bases))
      }
    }
  }

  @Test("what is wrong with the input is named, with its exit code")
  func errors() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let unindexed = folder.write("u.fa", ">a\nACGT\n")
    let bad = folder.write("bad.bed", "one\t0\t10\none\t20\n")
    let chromosome = folder.write("chr.bed", "chrone\t0\t10\n")
    let all = folder.write("all.bed", "one\t0\t900\ntwo\t0\t64\n")
    func run(_ more: [String], genome: String = genome, model: String = Tool.model) throws -> Tool.Outcome {
      let (process, output, messages) = try Tool.start(
        ["scan", "--model", model, "--genome", genome, "--output", folder.file("run")] + more)
      _ = output.fileHandleForReading.readDataToEndOfFile()
      let text = messages.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return Tool.Outcome(
        status: process.terminationStatus, output: "", messages: String(decoding: text, as: UTF8.self))
    }
    let cases: [(Tool.Outcome, Int32, String)] = [
      (try run([], genome: unindexed), 3, "samtools faidx \(unindexed)"),
      (try run([], genome: folder.file("absent.fa")), 3, "absent.fa: no such file"),
      (try run(["--regions", bad]), 3, "bad.bed:2"), (try run(["--regions", chromosome]), 3, "chr.bed:1"),
      (try run(["--regions", folder.file("absent.bed")]), 3, "absent.bed"),
      (try run(["--region", "three:1-5"]), 2, "three"), (try run(["--exclude", all]), 3, "no base is left"),
      (try run(["--target", "0:3"]), 2, "weighted, weighted-mean, probability or logit"),
      (try run(["--window-at", "center"]), 2, "--window-at"), (try run(["--step", "5"]), 2, "--step"),
      (try run(["--reduce", "new-site"]), 2, "new-site needs --method ism"),
      (try run(["--calls", "0.5"]), 2, "--calls needs --method predict"),
      (try run(["--strand-model", "unstranded", "--strand", "+"]), 2, "--strand both"),
      (try run(["--input", "control=zeros"]), 2, "control"),
      (try run(["--output-axis", "2"]), 2, "output axis 2"),
      (try run(["--pre-activation"]), 2, "no sigmoid or softmax"),
      (try run([], model: Tool.fixture("bpnet.onnx")), 2, "--target"),
      (try run(["--step", "500", "--target", "0:0"], model: Tool.fixture("deepsea.onnx")), 2, "--step 500"),
    ]
    for (outcome, status, text) in cases {
      #expect(outcome.status == status && outcome.messages.contains(text), "\(outcome.status): \(outcome.messages)")
    }
    #expect(!folder.names.contains("run"))
    let blocked = try Tool.run("scan", "--model", Tool.model, "--genome", genome, "--output", genome + "/run")
    #expect(blocked.status == 3 && blocked.messages.contains("--output"))
  }

  @Test("a signal leaves a folder that the same command completes to the same bytes", arguments: [SIGTERM, SIGINT])
  func signals(number: Int32) throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder, length: 60_000)
    func arguments(_ output: String) -> [String] {
      ["scan", "--model", Tool.model, "--genome", genome, "--threads", "1", "--output", folder.file(output)]
    }
    let (process, _, messages) = try Tool.start(arguments("cut"))
    let shards = folder.file("cut/shards")
    while process.isRunning,
      (try? FileManager.default.contentsOfDirectory(atPath: shards))?.contains(where: { $0.hasSuffix(".shard") })
        != true
    {
      usleep(2_000)
    }
    kill(process.processIdentifier, number)
    let text = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 128 + number, "\(text)")
    #expect(text.contains("run the same command again to resume"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("cut"))
    #expect(!names.contains("run.json") && !names.contains { $0.hasSuffix(".bw") })

    for output in ["cut", "whole"] {
      let (process, _, messages) = try Tool.start(arguments(output))
      let text = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      #expect(text.contains("resuming") == (output == "cut"))
    }
    let digest = "find . -type f ! -path './log/*' | LC_ALL=C sort | xargs md5sum"
    #expect(
      try Shell.output("cd \(folder.file("cut")) && \(digest)")
        == Shell.output("cd \(folder.file("whole")) && \(digest)"))
  }

  @Test("threads come from the flag, then from Slurm, then from the affinity mask")
  func threads() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    func log(_ name: String, _ flags: [String], _ environment: [String: String]) throws -> String {
      let (process, _, messages) = try Tool.start(
        ["scan", "--model", Tool.model, "--genome", genome, "--region", "two", "--output", folder.file(name)] + flags,
        environment: environment)
      _ = messages.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return try Shell.output("cat \(folder.file(name))/log/*.jsonl")
    }
    #expect(try log("a", ["--threads", "3"], ["SLURM_CPUS_PER_TASK": "5"]).contains("\"threads\":3"))
    #expect(try log("b", [], ["SLURM_CPUS_PER_TASK": "5"]).contains("\"threads\":5"))
    #expect(try log("c", [], ["SLURM_CPUS_PER_TASK": ""]).contains("\"threadsFrom\":\"affinity mask\""))
    let same = "cd \(folder.path) && md5sum < a/run.json && md5sum < b/run.json && md5sum < c/run.json"
    #expect(Set(try Shell.output(same).split(separator: "\n")).count == 1)
  }
}
