import ArgumentParser
import CMalloc
import Glibc

/// The command line: argument structs and messages. What commands do is in `ScanPipeline`.
@main
struct Tismscan: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tismscan",
    abstract: "Scores every single-base substitution of a genome with a sequence-to-function network.",
    discussion: """
      A model (ONNX) and an indexed reference (FASTA) in, genome-browser tracks out: predictions, exact in-silico \
      saturation mutagenesis (ISM) and its first-order approximation from one backward pass (TISM).

      Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 incomplete, 130/143 interrupted (the same command resumes).
      """,
    version: Version.text,
    subcommands: [
      InspectCommand.self, ScoreCommand.self, ScanCommand.self, PlanCommand.self, MergeCommand.self, StatusCommand.self,
      CorrelateCommand.self,
    ])

  /// Runs the command and ends with the exit code of docs/formats.md.
  static func main() async {
    var resumes = false
    // Scores of a unit of work go back to the system when they are written. Left to itself the allocator raises this limit
    // to what it saw, and keeps large pieces in fragments: several times what is in use.
    mallopt(M_MMAP_THRESHOLD, 1 << 20)
    do {
      try Version.checkForcedInstructionSet()
      var command = try parseAsRoot()
      resumes = command is ScanCommand || command is MergeCommand
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      ExitMapping.exit(for: error, resumes: resumes)
    }
  }
}
