import Foundation
import TestSupport
import Testing
import TrackIO

@Suite("Command line: what models say and what is said of them")
struct ModelChoiceTests {
  private func write(_ folder: TemporaryFolder, _ name: String, _ change: (inout SmallONNX) -> Void = { _ in })
    -> String
  {
    var model = SmallONNX()
    change(&model)
    return folder.write(name, model.bytes)
  }

  private func sequences(_ folder: TemporaryFolder, length: Int = 20) -> String {
    var random = SplitMix64(seed: 8)
    let texts = (0..<3).map { number in
      ">s\(number)\n\(String(random.bases(count: length).map { Array("ACGT")[Int($0)] }))\n"
    }
    return folder.write("s\(length).fa", texts.joined())
  }

  private func run(_ arguments: [String]) throws -> Tool.Outcome {
    let (process, output, messages) = try Tool.start(arguments)
    let out = output.fileHandleForReading.readDataToEndOfFile()
    let text = messages.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Tool.Outcome(
      status: process.terminationStatus, output: String(decoding: out, as: UTF8.self),
      messages: String(decoding: text, as: UTF8.self))
  }

  @Test("a fixed batch changes no score and no track", arguments: [1, 8])
  func fixedBatch(batch: Int) throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let fasta = sequences(folder)
    let free = write(folder, "free.onnx")
    let fixed = write(folder, "fixed.onnx") { $0.batch = batch }
    for method in ["predict", "tism", "ism"] {
      for target in ["0:7", "weighted"] {
        var values: [[Double]] = []
        for model in [free, fixed] {
          let out = folder.file("o.npz")
          let outcome = try run([
            "score", "--model", model, "--output-activation", "logit", "--sequences", fasta, "--method", method,
            "--target", target, "--output", out,
          ])
          #expect(outcome.status == 0, "\(outcome.messages)")
          let array = method == "predict" ? "prediction" : method
          values.append(try #require(try NumPyFile.readNPZ(path: out, only: [array])[array]).values)
        }
        #expect(values[0].contains { $0 != 0 })
        for (a, b) in zip(values[0], values[1]) { #expect(abs(a - b) <= 1e-5, "\(method) \(target)") }
      }
    }
    for (name, model) in [("a", free), ("b", fixed)] {
      let outcome = try run([
        "scan", "--model", model, "--output-activation", "logit", "--genome", genome, "--method", "predict", "tism",
        "ism",
        "--format", "bedgraph", "--output", folder.file(name),
      ])
      #expect(outcome.status == 0, "\(outcome.messages)")
    }
    for track in ["predict.probability", "tism.weighted.importance", "ism.weighted.importance"] {
      func values(_ run: String) throws -> [(Substring, Float)] {
        try Shell.output("zcat \(folder.file(run))/\(track).minus.bedGraph.gz").split(separator: "\n").map {
          let fields = $0.split(separator: "\t")
          return (fields[0] + ":" + fields[1], Float(fields[3])!)
        }
      }
      let (a, b) = (try values("a"), try values("b"))
      #expect(a.count > 500 && a.count == b.count)
      for (left, right) in zip(a, b) { #expect(left.0 == right.0 && abs(left.1 - right.1) <= 1e-5) }
    }
    let report = try run(["inspect", fixed])
    #expect(report.status == 0 && report.output.contains("by difference propagation") == (batch == 1))
  }

  @Test("entries are scored as exported, position targets before the sigmoid")
  func sigmoidOfEntries() throws {
    let folder = TemporaryFolder()
    let fasta = sequences(folder)
    let model = write(folder, "sig.onnx") { $0.sigmoid = true }
    func prediction(_ target: String, _ flags: String...) throws -> [Double] {
      let out = folder.file("o.npz")
      let outcome = try run(
        [
          "score", "--model", model, "--sequences", fasta, "--method", "predict", "--target", target, "--output", out,
        ] + flags)
      #expect(outcome.status == 0, "\(outcome.messages)")
      return try #require(try NumPyFile.readNPZ(path: out, only: ["prediction"])["prediction"]).values
    }
    let (plain, logits) = (try prediction("0:10"), try prediction("0:10", "--pre-activation"))
    for (p, z) in zip(plain, logits) { #expect(abs(p - 1 / (1 + exp(-z))) < 1e-6 && p != z) }
    #expect(try prediction("weighted") == prediction("weighted", "--pre-activation"))
    #expect(try prediction("logit") != prediction("0:sum"))
  }

  @Test("outputs whose names differ in marks alone get files of their own; a target asked twice is one")
  func targetNames() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let model = write(folder, "two.onnx") { $0.outputs = ["a.b", "a_b"] }
    let outcome = try run([
      "scan", "--model", model, "--output-kind", "window", "--genome", genome, "--method", "predict", "--target",
      "a.b:0", "a_b:0", "a.b:0", "--output", folder.file("run"),
    ])
    #expect(outcome.status == 0, "\(outcome.messages)")
    let tracks = try FileManager.default.contentsOfDirectory(atPath: folder.file("run")).filter {
      $0.hasSuffix("plus.bw")
    }
    #expect(tracks.sorted() == ["predict.a_b_0-2.plus.bw", "predict.a_b_0.plus.bw"])
    #expect(folder.read("run/\(tracks[0])") != folder.read("run/\(tracks[1])"))
    let record =
      try JSONSerialization.jsonObject(with: Data(folder.read("run/run.json"))) as? [String: Any]
    let listed = try #require(record?["tracks"] as? [[String: Any]])
    let targets = listed.map { "\(($0["files"] as? [String])?.first ?? "") \($0["target"] ?? "")" }
    #expect(targets.contains("predict.a_b_0-2.plus.bw a_b:0") && targets.contains("predict.a_b_0.plus.bw a.b:0"))
  }

  @Test("the flags that errors name exist and settle what they say")
  func flags() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    func score(_ model: String, _ fasta: String, _ flags: String...) throws -> Tool.Outcome {
      try run(
        ["score", "--model", model, "--sequences", fasta, "--target", "0:1", "--output", folder.file("o.npz")] + flags)
    }
    let two = write(folder, "two.onnx") { $0.inputs = ["x", "control"] }
    let open = try score(two, sequences(folder))
    #expect(open.status == 3 && open.messages.contains("--sequence-input"))
    let named = try score(
      two, sequences(folder), "--output-kind", "window", "--sequence-input", "x", "--input", "control=zeros")
    #expect(named.status == 0, "\(named.messages)")
    let square = write(folder, "square.onnx") { $0.length = 4 }
    let ambiguous = try score(square, sequences(folder, length: 4))
    #expect(ambiguous.status == 3 && ambiguous.messages.contains("--layout channels-first"))
    let read = try score(square, sequences(folder, length: 4), "--output-kind", "window", "--layout", "channels-first")
    #expect(read.status == 0, "\(read.messages)")
    #expect(try run(["inspect", square, "--layout", "channels-first"]).status == 0)
    #expect(try score(square, sequences(folder, length: 4), "--layout", "NCL").status == 2)

    let short = write(folder, "short.onnx") { $0.padded = false }
    func scan(_ model: String, _ flags: String...) throws -> Tool.Outcome {
      try run(
        ["scan", "--model", model, "--genome", genome, "--method", "predict", "--output", folder.file("run")] + flags)
    }
    for first in ["-1", "3", "100"] {
      let outcome = try scan(
        short, "--output-kind", "position", "--output-activation", "logit", "--output-first", first)
      #expect(outcome.status == 2 && outcome.messages.contains("--output-first \(first)"), "\(outcome.messages)")
      #expect(outcome.messages.contains("0 to 2"))
    }
    let inside = try scan(short, "--output-kind", "position", "--output-activation", "logit", "--output-first", "1")
    #expect(inside.status == 0, "\(inside.messages)")

    let bad = write(folder, "bad.onnx") { $0.metadata = [("tismscan.output.offset", "far")] }
    let metadata = try scan(bad)
    #expect(metadata.status == 3 && metadata.messages.contains("tismscan.output.offset=far"))
    let sites = try scan(
      short, "--output-kind", "position", "--output-activation", "logit", "--output-first", "1", "--sites", "-")
    #expect(sites.status == 2 && sites.messages.contains("--sites"), "\(sites.messages)")
  }

  @Test("windows around regions need the regions as a file")
  func regionsFromStandardInput() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let model = write(folder, "m.onnx")
    let outcome = try run([
      "scan", "--model", model, "--genome", genome, "--output-kind", "window", "--target", "0:1", "--window-at",
      "center",
      "--regions", "-", "--output", folder.file("run"),
    ])
    #expect(outcome.status == 2 && outcome.messages.contains("not standard input"), "\(outcome.messages)")
  }
}
