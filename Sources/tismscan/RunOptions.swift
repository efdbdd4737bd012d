import ArgumentParser
import Glibc
import Kernels
import ScanPipeline

/// Options about resources and messages; none changes a value.
struct RunOptions: ParsableArguments {
  @Option(
    name: [.long, .customShort("t")], parsing: .unconditional,
    help: "Threads; default SLURM_CPUS_PER_TASK, else the cores this process may use."
  )
  var threads: Int?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Also write what happens as JSON lines to this file; - is standard error, instead of messages.",
      valueName: "FILE|-"))
  var log: String?

  @Flag(name: .long, help: "Say nothing but errors.")
  var quiet = false

  /// Threads and where the log goes.
  func resources() throws -> RunResources {
    let budget = try ThreadBudget(flag: threads)
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var resources = RunResources()
    resources.threads = budget.count
    resources.log = log
    resources.facts = [
      "threadsFrom": budget.source, "host": host, "instructionSet": KernelSet.best.description,
      "version": Version.number,
    ]
    return resources
  }

  func progress() -> Progress {
    Progress(isTerminal: isatty(STDERR_FILENO) == 1, isQuiet: quiet || log == "-", write: writeToStandardError)
  }
}
