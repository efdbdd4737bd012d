import Foundation
import TestSupport

/// Runs the built binary as a person does.
enum Tool {
  struct Outcome: Sendable {
    let status: Int32
    let output: String
    let messages: String
  }

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let model = root + "/models/ecoli-tss-cnn.onnx"
  static func fixture(_ name: String) -> String { "\(root)/Tests/Fixtures/\(name)" }

  /// The binary beside the test bundle.
  static let path: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("tismscan").path
  }()

  /// Starts the binary.
  static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> (Process, Pipe, Pipe) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let (output, messages) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = messages
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return (process, output, messages)
  }

  /// Runs it to the end. Messages are short enough for a pipe's buffer.
  static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
    try run(arguments, environment: environment)
  }

  /// Runs it to the end. Messages are short enough for a pipe's buffer.
  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    let (process, output, messages) = try start(arguments, environment: environment)
    let out = output.fileHandleForReading.readDataToEndOfFile()
    let error = messages.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let signal: Int32 = process.terminationReason == .uncaughtSignal ? 1_000 : 0
    return Outcome(
      status: process.terminationStatus + signal, output: String(decoding: out, as: UTF8.self),
      messages: String(decoding: error, as: UTF8.self))
  }
}

/// A genome of two contigs with its index.
func smallGenome(_ folder: TemporaryFolder, length: Int = 900) throws -> String {
  var random = SplitMix64(seed: 3)
  func letters(_ count: Int) -> String { String(random.bases(count: count).map { Array("ACGT")[Int($0)] }) }
  folder.write("g.fa", ">one a description\n\(letters(length))\n>two\n\(letters(40))NNNN\(letters(20))\n")
  _ = try Shell.output("samtools faidx \(folder.file("g.fa"))")
  return folder.file("g.fa")
}
