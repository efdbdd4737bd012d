import Foundation
import Glibc
import ScanPipeline

/// How many threads to use: `--threads`, else `SLURM_CPUS_PER_TASK`, else the affinity mask. Core counts of the machine lie on
/// clusters.
struct ThreadBudget {
  let count: Int
  /// Where the number came from, for the log.
  let source: String

  init(flag: Int?) throws {
    if let flag {
      guard flag > 0 else { throw ScanError.usage("--threads \(flag): at least one thread is needed") }
      (count, source) = (flag, "--threads")
    } else if let text = getenv("SLURM_CPUS_PER_TASK").map({ String(cString: $0) }), let number = Int(text), number > 0
    {
      (count, source) = (number, "SLURM_CPUS_PER_TASK")
    } else {
      (count, source) = (Self.affinity, "affinity mask")
    }
  }

  /// Cores this process may run on: the mask that `sched_getaffinity` gives, as the kernel prints it. 1 when unknown.
  private static var affinity: Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") })
    else { return 1 }
    let digits = line.dropFirst("Cpus_allowed:".count)
    return max(1, digits.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) })
  }
}
