import Foundation
import TestSupport
import Testing

@Suite("Command line: usage, versions, exit codes")
struct UsageTests {
  @Test("help goes to standard output with 0")
  func help() throws {
    for arguments in [["--help"], [], ["help", "scan"], ["scan", "--help"], ["score", "-h"], ["inspect", "--help"]] {
      let (process, output, messages) = try Tool.start(arguments)
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      #expect(messages.fileHandleForReading.readDataToEndOfFile().isEmpty)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      #expect(text.contains("USAGE: tismscan"), "\(arguments)")
    }
  }

  @Test("the version names number and instruction set; a misspelt one is refused")
  func version() throws {
    let outcome = try Tool.run("--version")
    #expect(outcome.status == 0)
    #expect(try /tismscan \d+\.\d+\.\d+.*, instruction set \S+\n/.wholeMatch(in: outcome.output) != nil)
    let portable = try Tool.run("--version", environment: ["TISMSCAN_ISA": "portable"])
    #expect(portable.output.contains("instruction set portable"))
    let wrong = try Tool.run("--version", environment: ["TISMSCAN_ISA": "v9"])
    #expect(wrong.status == 2 && wrong.messages.contains("TISMSCAN_ISA=v9"))
  }

  static let wrong: [([String], String)] = [
    (["fly"], "fly"), (["scan"], "--model"), (["scan", "--model", "m.onnx"], "--genome"), (["score"], "--sequences"),
    (["score", "--sequences", "s", "--output", "o"], "--model"),
    (["inspect"], "model"), (["inspect", "a", "b"], "b"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--speed", "9"], "--speed"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--threads", "many"], "--threads"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--threads", "0"], "--threads 0"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--method", "guess"], "predict, tism, ism"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--strand", "up"], "both, +, -"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--reduce", "mean"], "importance"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--format", "wig"], "bigwig, bedgraph"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--window-at", "end"], "tile, center, summit"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--keep", "all"], "shards or tracks"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--input", "x"], "NAME=zeros"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--output-kind", "both"], "window, position"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--audit", "some"], "--audit"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--hybrid", "most"], "--hybrid"),
    (["scan", "--model", "m", "--genome", "g", "--output", "o", "--tile", "-5"], "--tile -5: at least one base"),
    (["score", "--model", "m", "--sequences", "s", "--output", "o", "--engine", "warp"], "fast, naive"),
    (["score", "--model", "m", "--sequences", "s", "--output", "o", "--map", "hat"], "corrected, gradient-x-input"),
  ]

  @Test("wrong usage ends with 2 and names the flag", arguments: wrong)
  func usage(_ arguments: [String], _ named: String) throws {
    let (process, output, messages) = try Tool.start(arguments)
    #expect(output.fileHandleForReading.readDataToEndOfFile().isEmpty)
    let text = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 2)
    #expect(text.contains(named), "\(text)")
  }

  @Test("a model that is missing or broken ends with 3 and names the file")
  func brokenModels() throws {
    let folder = TemporaryFolder()
    let genome = try smallGenome(folder)
    let whole = try Data(contentsOf: URL(fileURLWithPath: Tool.fixture("deepsea.onnx")))
    let models = [
      folder.file("absent.onnx"), folder.write("empty.onnx", ""), folder.write("text.onnx", "no model at all\n"),
      folder.write("cut.onnx", whole.prefix(whole.count / 2)),
    ]
    for model in models {
      for outcome in [
        try Tool.run("inspect", model),
        try Tool.run("scan", "--model", model, "--genome", genome, "--output", folder.file("out")),
        try Tool.run("score", "--model", model, "--sequences", genome, "--output", folder.file("o.npz")),
      ] {
        #expect(outcome.status == 3 && outcome.output.isEmpty)
        #expect(outcome.messages.hasPrefix("error: \(model)"), "\(outcome.messages)")
      }
    }
    #expect(!folder.names.contains("out") && !folder.names.contains("o.npz"))
  }

  @Test("inspect says what a model reads and gives")
  func inspect() throws {
    let outcome = try Tool.run("inspect", Tool.model)
    #expect(outcome.status == 0 && outcome.messages.isEmpty)
    for line in [
      "position: one output a base, logit", "an edit at base i moves entries", "multiply-adds",
      "plan of exact ISM by differences", "reference pass", "one edit", "rows changed", "rule", "19 of 4385",
    ] {
      #expect(outcome.output.contains(line))
    }
    let json = try Tool.run("inspect", Tool.fixture("deepsea.onnx"), "--json")
    let report = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(report["fixedLength"] as? Int == 300)
    let cost = try #require(report["cost"] as? [String: Any])
    let plan = try #require(cost["plan"] as? [[String: Any]])
    #expect(plan.reduce(0) { $0 + ($1["multiplyAdds"] as! Int) } == cost["edit"] as! Int)
    #expect(plan.contains { $0["operator"] as? String == "Conv" && $0["way"] as? String == "rule" })
    let sharing = try #require(report["sharing"] as? [[String: Any]])
    #expect(sharing.compactMap { $0["step"] as? Int } == [1, 144, 150])
    #expect(sharing.compactMap { $0["predict"] as? Double }.map { $0 > 1.2 } == [true, true, false])
    let outputs = try #require(report["outputs"] as? [[String: Any]])
    #expect(outputs.count == 1 && outputs[0]["finalActivation"] as? String == "sigmoid")
    #expect((report["advice"] as? [String])?.first?.contains("--pre-activation") == true)
    let before = try Tool.run("inspect", Tool.fixture("deepsea.onnx"), "--pre-activation")
    #expect(before.status == 0 && !before.output.contains("recommended"))
    #expect(before.output.contains("trunk shared between overlapping windows\n  step 1: prediction "))
    #expect(!outcome.output.contains("trunk shared"))
    let without = try Tool.run("inspect", Tool.fixture("bpnet.onnx"), "--pre-activation")
    #expect(without.status == 2 && without.messages.contains("no sigmoid or softmax"))
  }
}
