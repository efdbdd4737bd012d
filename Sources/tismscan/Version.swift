import Kernels
import ScanPipeline

/// What `--version` says.
enum Version {
  static let number = "0.1.0"
  /// Commit of the sources, when the build wrote it in.
  static let commit: String? = nil

  static var text: String {
    let built = commit.map { " (commit \($0))" } ?? ""
    return "tismscan \(number)\(built), instruction set \(KernelSet.best)"
  }

  /// A misspelt `TISMSCAN_ISA` must not pass for a choice.
  static func checkForcedInstructionSet() throws {
    guard let name = KernelSet.unknownForcedName else { return }
    throw ScanError.usage(
      "TISMSCAN_ISA=\(name): this machine has \(KernelSet.supported.map(\.description).joined(separator: ", "))")
  }
}
