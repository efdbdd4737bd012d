import Foundation

/// Runs the real tools of the field (samtools, bgzip, tabix, bedtools) and looks at what they say.
public enum Shell {
  /// What a command did.
  public struct Outcome: Sendable {
    public let status: Int32
    public let output: String
  }

  /// Runs a command line by `sh`; standard error is dropped.
  public static func run(_ command: String) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
  }

  /// The output of a command that must succeed.
  public static func output(_ command: String) throws -> String {
    let outcome = try run(command)
    guard outcome.status == 0 else { throw Failure(command: command, status: outcome.status) }
    return outcome.output
  }

  /// A command that should have succeeded.
  public struct Failure: Error {
    let command: String
    let status: Int32
  }
}
