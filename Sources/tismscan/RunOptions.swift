import ArgumentParser
import Glibc
import Kernels
import ScanPipeline

/// Options about resources and messages.
struct RunOptions: ParsableArguments {
  @Option(
    name: [.long, .customShort("t")], help: "Threads; default SLURM_CPUS_PER_TASK, else the cores this process may use."
  )
  var threads: Int?

  @Flag(name: .long, help: "Say nothing but errors.")
  var quiet = false

  /// Threads and facts for the log.
  func budget() throws -> (threads: Int, facts: [String: String]) {
    let budget = try ThreadBudget(flag: threads)
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (
      budget.count,
      ["threadsFrom": budget.source, "host": host, "instructionSet": KernelSet.best.description]
    )
  }

  func progress() -> Progress {
    Progress(isTerminal: isatty(STDERR_FILENO) == 1, isQuiet: quiet, write: writeToStandardError)
  }
}
