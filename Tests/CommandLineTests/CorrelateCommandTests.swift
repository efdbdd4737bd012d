import Foundation
import TestSupport
import Testing
import TrackIO

@Suite("Command line: correlate")
struct CorrelateCommandTests {
  /// Writes the scores of the first `count` sequences of a fixture.
  static func score(
    _ method: String, _ folder: TemporaryFolder, fixture: String = "deepsea", count: Int = 2,
    targets: [String] = ["0:0", "0:3"], map: String? = nil, as name: String? = nil
  ) throws -> String {
    let fasta = try ScoreCommandTests.sequences(fixture, folder, count: count)
    let out = folder.file("\(name ?? method).npz")
    var arguments = ["score", "--model", Tool.fixture("\(fixture).onnx"), "--sequences", fasta, "--method", method]
    arguments += ["--target"] + targets + ["--output", out] + (map.map { ["--map", $0] } ?? [])
    let (process, _, messages) = try Tool.start(arguments)
    let text = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    return out
  }

  @Test("TISM against ISM: the numbers of the arrays, reference bases left out, on standard output and as JSON")
  func numbers() throws {
    let folder = TemporaryFolder()
    let (tism, ism) = (try Self.score("tism", folder), try Self.score("ism", folder))
    let outcome = try Tool.run("correlate", tism, ism, "--json", folder.file("c.json"))
    #expect(outcome.status == 0 && outcome.messages.isEmpty, "\(outcome.messages)")
    let lines = outcome.output.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
    #expect(lines.map(\.first) == ["target", "0:0", "0:3"])

    let a = try NumPyFile.readNPZ(path: tism, only: ["tism", "sequences"])
    let b = try NumPyFile.readNPZ(path: ism, only: ["ism"])["ism"]!.values
    let (x, codes) = (a["tism"]!.values, a["sequences"]!.values)
    let json = try JSONSerialization.jsonObject(with: Data(folder.read("c.json"))) as? [String: Any]
    let targets = try #require(json?["targets"] as? [[String: Any]])
    for target in 0..<2 {
      let pairs = (0..<2 * 4 * 300).compactMap { entry -> (Double, Double)? in
        let (sequence, row, column) = (entry / 1200, entry / 300 % 4, entry % 300)
        guard codes[sequence * 300 + column] != Double(row) else { return nil }
        let index = ((sequence * 2 + target) * 4 + row) * 300 + column
        return (x[index], b[index])
      }
      #expect(pairs.count == 1_800 && lines[target + 1][1] == "1800")
      let slope = pairs.reduce(0) { $0 + $1.0 * $1.1 } / pairs.reduce(0) { $0 + $1.0 * $1.0 }
      let agreement = try #require(targets[target]["agreement"] as? [String: Any])
      let found = try #require(agreement["slope"] as? [String: Any])
      let value = try #require(found["value"] as? Double)
      #expect(abs(value - slope) < 1e-9)
      let (low, high) = (try #require(found["low"] as? Double), try #require(found["high"] as? Double))
      #expect(low < value && value < high)
      #expect(lines[target + 1][4].hasPrefix(String(format: "%.4f (", slope)))
    }
  }

  @Test("a file compared with itself agrees in everything, any of its arrays")
  func itself() throws {
    let folder = TemporaryFolder()
    let file = try Self.score("tism", folder, map: "corrected")
    let outcome = try Tool.run("correlate", file, file)
    // Correlations and slope have no spread; shares are those of a sample.
    #expect(outcome.output.components(separatedBy: "1.0000 (1.0000 to 1.0000)").count == 7, "\(outcome.output)")
    #expect(outcome.output.components(separatedBy: "1.0000 (0.").count == 5, "\(outcome.output)")
    let map = try Tool.run("correlate", file, file, "--first", "corrected")
    #expect(map.status == 0 && map.output.contains("1800"))
  }

  @Test("files that do not fit are named, with their exit code")
  func errors() throws {
    let folder = TemporaryFolder()
    let tism = try Self.score("tism", folder)
    let other = try Self.score("tism", folder, targets: ["0:0", "0:4"], as: "other")
    let fewer = try Self.score("tism", folder, targets: ["0:0"], as: "fewer")
    let predicted = try Self.score("predict", folder)
    let longer = try Self.score("tism", folder, fixture: "bpnet", targets: ["1:0", "1:0"], as: "longer")
    let text = folder.write("text.npz", "no zip\n")
    let cases: [(Tool.Outcome, Int32, String)] = [
      (try Tool.run("correlate", tism, other), 3, "target 1 is 0:3 in \(tism) and 0:4 in \(other)"),
      (try Tool.run("correlate", tism, fewer), 3, "(2, 2, 4, 300), \(fewer): tism has (2, 1, 4, 300)"),
      (try Tool.run("correlate", tism, longer), 3, "(2, 2, 4, 500)"),
      (try Tool.run("correlate", tism, predicted), 3, "\(predicted): no scores"),
      (try Tool.run("correlate", tism, text), 3, "\(text): not an npz file"),
      (try Tool.run("correlate", tism, folder.file("absent.npz")), 3, "absent.npz"),
      (try Tool.run("correlate", tism, tism, "--first", "hat"), 2, "--first hat"),
      (try Tool.run("correlate", tism, tism, "--second", "names"), 3, "names"),
      (try Tool.run("correlate", tism), 2, "b"),
    ]
    for (outcome, status, named) in cases {
      #expect(outcome.status == status && outcome.messages.contains(named), "\(outcome.status) \(outcome.messages)")
      #expect(outcome.output.isEmpty)
    }
  }
}
