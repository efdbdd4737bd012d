import ArgumentParser
import Attribution
import GenomeIO
import Glibc
import NetworkGraph
import ScanPipeline
import TrackIO

/// Which exit code an error ends the program with, and how it is told.
enum ExitMapping {
  /// - Parameter resumes: whether the command goes on where it was interrupted.
  static func exit(for error: any Error, resumes: Bool) -> Never {
    if error is CancellationError {
      say(resumes ? "interrupted: run the same command again to resume" : "interrupted: nothing was written")
      Glibc.exit(Interruption.exitStatus)
    }
    if let status = status(of: error) {
      say("error: \(error)")
      Glibc.exit(status.rawValue)
    }
    // Help and version are errors of the argument parser that succeed.
    let code = Tismscan.exitCode(for: error)
    let message = Tismscan.fullMessage(for: error)
    if code == .success {
      print(message)
      Glibc.exit(ExitStatus.done.rawValue)
    }
    if !message.isEmpty { say(message) }
    Glibc.exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
  }

  /// The status of our own errors; `nil` for those of the argument parser.
  private static func status(of error: any Error) -> ExitStatus? {
    switch error {
    case let error as ScanError:
      switch error {
      case .usage, .otherRun: .usage
      case .badInput: .badInput
      case .failed: .failed
      case .incomplete, .damagedShard: .incomplete
      }
    case let error as AttributionError:
      switch error {
      case .notFinite, .disagreement: .failed
      case .badMetadata: .badInput
      default: .usage
      }
    case is RegionStringError: .usage
    case is ReferenceError, is RegionFileError, is SequenceFileError, is NumPyError, is OperatorError: .badInput
    case is TrackError: .failed
    case is CleanExit, is ValidationError, is ExitCode: nil
    default: "\(type(of: error))" == "ModelError" ? .badInput : isParserError(error) ? nil : .failed
    }
  }

  /// The argument parser's own errors are internal to it; it gives them the code of a usage error.
  private static func isParserError(_ error: any Error) -> Bool {
    let code = Tismscan.exitCode(for: error)
    return code == .validationFailure || code == .success
  }

  static func say(_ text: String) { writeToStandardError(text + "\n") }
}

/// Standard error, unbuffered.
func writeToStandardError(_ text: String) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    guard count > 0 else { return }
    rest = rest.dropFirst(count)
  }
}
