import Foundation
import TestSupport
import Testing
import TrackIO

@Suite("Command line: score")
struct ScoreCommandTests {
  /// The fixture's first sequences as FASTA, with how many there are.
  static func sequences(_ name: String, _ folder: TemporaryFolder, count: Int = 2) throws -> String {
    let codes = try NumPyFile.readNPZ(path: Tool.fixture("\(name).npz"))["sequences"]!
    let length = codes.shape[1]
    let letters = codes.values.map { Array("ACGT")[Int($0)] }
    let text = (0..<count).map { ">s\($0) of \(name)\n\(String(letters[$0 * length..<($0 + 1) * length]))\n" }
    return folder.write("\(name).fa", text.joined())
  }

  @Test("arrays, shapes and values of every method agree with the truth")
  func values() throws {
    let folder = TemporaryFolder()
    let fasta = try Self.sequences("deepsea", folder)
    let truth = try NumPyFile.readNPZ(path: Tool.fixture("deepsea.npz"))
    for method in ["predict", "tism", "ism"] {
      let out = folder.file("\(method).npz")
      let outcome = try Tool.run(
        "score", "--model", Tool.fixture("deepsea.onnx"), "--sequences", fasta, "--method", method, "--target", "0:0",
        "0:0-6", "--output", out, "--threads", "2")
      #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.messages)")
      let arrays = try NumPyFile.readNPZ(path: out, only: ["sequences", "prediction", method])
      #expect(arrays["sequences"]!.shape == [2, 300])
      #expect(arrays["prediction"]!.shape == [2, 2])
      for (value, wanted) in zip(arrays["prediction"]!.values, truth["prediction"]!.values) {
        #expect(abs(value - wanted) < 1e-5)
      }
      guard method != "predict" else { continue }
      #expect(arrays[method]!.shape == [2, 2, 4, 300])
      let largest = truth[method]!.values.map(abs).max()!
      for (value, wanted) in zip(arrays[method]!.values, truth[method]!.values) {
        #expect(abs(value - wanted) <= 1e-4 * largest)
      }
    }
  }

  @Test("--verify computes a sample again and says how well it agrees")
  func verify() throws {
    let folder = TemporaryFolder()
    let fasta = try Self.sequences("torch_symbolic", folder)
    func run(_ method: String, _ fraction: String) throws -> Tool.Outcome {
      try Tool.run(
        "score", "--model", Tool.fixture("torch_symbolic.onnx"), "--sequences", fasta, "--method", method,
        "--output-kind", "position", "--output-activation", "logit", "--verify", fraction, "--output",
        folder.file("\(method).npz"))
    }
    for method in ["tism", "ism"] {
      let outcome = try run(method, "0.2")
      #expect(outcome.status == 0, "\(outcome.messages)")
      let words = outcome.messages.split(whereSeparator: { $0 == " " || $0 == "\n" })
      let at = try #require(words.firstIndex(of: "verified:"))
      // Two sequences of 90 bases, three edits each.
      #expect(abs(Double(words[at + 1])! - 0.2 * 540) < 40, "\(outcome.messages)")
    }
    #expect(try run("ism", "0").messages.contains("verified") == false)
    for (method, fraction) in [("ism", "1.01"), ("ism", "-1"), ("ism", "nan"), ("predict", "0.5")] {
      let outcome = try run(method, fraction)
      #expect(outcome.status == 2 && outcome.messages.contains("--verify"), "\(method) \(outcome.messages)")
    }
  }

  @Test("maps, default targets, unknown bases, gzip; the same bytes for any number of threads")
  func options() throws {
    let folder = TemporaryFolder()
    let fasta = try Self.sequences("basset_torchscript", folder)
    let length = try NumPyFile.readNPZ(path: Tool.fixture("basset_torchscript.npz"))["sequences"]!.shape[1]
    folder.write(
      "n.fa",
      String(decoding: folder.read("basset_torchscript.fa"), as: UTF8.self)
        + ">n\n" + String(repeating: "N", count: length) + "\n>u\n" + String(repeating: "acgu", count: length / 4)
        + "\n")
    _ = try Shell.output("gzip -k \(folder.file("n.fa"))")
    _ = fasta
    for threads in ["1", "3"] {
      let outcome = try Tool.run(
        "score", "--model", Tool.fixture("basset_torchscript.onnx"), "--sequences", folder.file("n.fa.gz"), "--map",
        "corrected,gradient-x-input", "--threads", threads, "--output", folder.file("\(threads).npz"))
      #expect(outcome.status == 0, "\(outcome.messages)")
    }
    #expect(folder.read("1.npz") == folder.read("3.npz"))
    let arrays = try NumPyFile.readNPZ(
      path: folder.file("1.npz"), only: ["sequences", "prediction", "tism", "corrected", "gradient_x_input"])
    let targets = arrays["prediction"]!.shape[1]
    #expect(arrays["sequences"]!.values[2 * length..<3 * length].allSatisfy { $0 == 4 })
    #expect(arrays["sequences"]!.values[3 * length..<3 * length + 4] == [0, 1, 2, 3])
    #expect(arrays["gradient_x_input"]!.shape == [4, targets, length])
    let size = targets * 4 * length
    #expect(arrays["tism"]!.values[2 * size..<3 * size].allSatisfy { $0 == 0 })
    let (tism, corrected) = (arrays["tism"]!.values, arrays["corrected"]!.values)
    for column in stride(from: 0, to: length, by: 7) {
      let mean = (0..<4).reduce(0.0) { $0 + tism[$1 * length + column] } / 4
      for base in 0..<4 {
        #expect(abs(corrected[base * length + column] - (tism[base * length + column] - mean)) < 1e-5)
      }
    }
  }

  @Test("replacements: one score a start, the same by either engine; what makes no sense is refused")
  func replacements() throws {
    let folder = TemporaryFolder()
    let fasta = try Self.sequences("deepsea", folder)
    func run(_ name: String, _ more: [String]) throws -> (Int32, String) {
      let (process, _, messages) = try Tool.start(
        [
          "score", "--model", Tool.fixture("deepsea.onnx"), "--sequences", fasta, "--target", "0:0", "0:2", "--output",
          folder.file(name),
        ] + more)
      let text = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return (process.terminationStatus, text)
    }
    let wanted = ["--method", "ism", "--replace", "ACGTA"]
    for (name, engine) in [("fast.npz", "fast"), ("naive.npz", "naive")] {
      let (status, messages) = try run(name, wanted + ["--engine", engine])
      #expect(status == 0, "\(messages)")
    }
    let (fast, naive) = (
      try NumPyFile.readNPZ(path: folder.file("fast.npz"), only: ["ism_replace", "replacement"]),
      try NumPyFile.readNPZ(path: folder.file("naive.npz"), only: ["ism_replace"])
    )
    #expect(fast["ism_replace"]!.shape == [2, 2, 296] && fast["replacement"]!.values == [0, 1, 2, 3, 0])
    let largest = fast["ism_replace"]!.values.map(abs).max()!
    #expect(largest > 0.001)
    for (a, b) in zip(fast["ism_replace"]!.values, naive["ism_replace"]!.values) {
      #expect(abs(a - b) < 1e-3 * largest)
    }
    let same = try Tool.run("correlate", folder.file("naive.npz"), folder.file("fast.npz"))
    #expect(same.status == 0 && same.output.contains("0:2\t592\t1.0000"), "\(same.output)")

    for (more, text) in [
      (["--replace", "zero"], "--replace needs --method ism"), (["--method", "ism", "--width", "3"], "--width 3"),
      (["--method", "ism", "--replace", "ACQ"], "--replace ACQ"),
      (["--method", "ism", "--replace", "ACG", "--width", "4"], "--replace ACG"),
      (["--method", "ism", "--replace", "zero", "--width", "0"], "--width 0"),
      (["--method", "ism", "--replace", "zero", "--width", "301"], "--width 301: the sequences have 300 bases"),
    ] {
      let (status, messages) = try run("bad.npz", more)
      #expect(status == 2 && messages.contains(text), "\(messages)")
    }
    #expect(!folder.names.contains("bad.npz"))
  }

  @Test("what is wrong is named, with its exit code, and no npz is left")
  func errors() throws {
    let folder = TemporaryFolder()
    let fasta = try Self.sequences("deepsea", folder)
    let short = folder.write("short.fa", ">tiny\nACGT\n")
    let letters = folder.write("letters.fa", ">x\nAC!T\n")
    let bed = folder.write("x.bed", "chr1\t1\t2\n")
    let empty = folder.write("empty.fa", "")
    let model = Tool.fixture("deepsea.onnx")
    func run(_ sequences: String, _ target: String = "0:0", model: String = model) throws -> Tool.Outcome {
      try Tool.run(
        "score", "--model", model, "--sequences", sequences, "--target", target, "--output", folder.file("o.npz"))
    }
    let cases: [(Tool.Outcome, Int32, String)] = [
      (try run(short), 3, "\(short):1: tiny has 4 bases; the model takes 300"),
      (try run(letters), 3, "\(letters):2: '!' is no nucleotide code"), (try run(bed), 3, "\(bed):1:"),
      (try run(empty), 3, "no sequence"), (try run(folder.file("absent.fa")), 3, "absent.fa"),
      (try run(fasta, "0:6"), 2, "output 0 has 6 entries, 0 to 5"), (try run(fasta, "1:0"), 2, "there is no output 1"),
      (try run(fasta, "best"), 2, "OUT:IDX"), (try run(fasta, "weighted"), 2, "--output-kind position"),
      (
        try Tool.run(
          "score", "--model", Tool.fixture("bpnet.onnx"), "--sequences", fasta, "--output", folder.file("o.npz")), 3,
        "has 300 bases; the model takes 500"
      ),
    ]
    for (outcome, status, text) in cases {
      #expect(outcome.status == status && outcome.messages.contains(text), "\(outcome.messages)")
    }
    let bpnet = try Self.sequences("bpnet", folder)
    let open = try Tool.run(
      "score", "--model", Tool.fixture("bpnet.onnx"), "--sequences", bpnet, "--output", folder.file("o.npz"))
    #expect(open.status == 2 && open.messages.contains("say what is scored with --target, among 0:0 to 0:159"))
    #expect(!folder.names.contains("o.npz"))
    #expect(!folder.names.contains { $0.hasSuffix(".tmp") })
  }
}
