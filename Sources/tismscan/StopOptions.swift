import ArgumentParser
import Foundation
import Glibc
import ScanPipeline

/// When a scan is to stop by itself, so that it ends cleanly before a batch system ends it.
struct StopOptions: ParsableArguments {
  /// Seconds before a job's end that are left for ending.
  private static let margin = 60.0

  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Stop by then with exit code 4, such as 55m or 3h: what is done stays, and no shard is begun that would not be done. \
      Default: a minute before SLURM_JOB_END_TIME, when Slurm says it.
      """, valueName: "duration"))
  var stopAfter: String?

  /// When to stop; `nil` for never.
  func time() throws -> Date? {
    if let stopAfter { return Date(timeIntervalSinceNow: try duration(stopAfter, "--stop-after")) }
    guard let text = getenv("SLURM_JOB_END_TIME").map({ String(cString: $0) }), let end = Double(text) else {
      return nil
    }
    return Date(timeIntervalSince1970: end - Self.margin)
  }
}

/// Seconds of a duration: `90s`, `10m`, `2h`, `1d`; a plain number is seconds.
func duration(_ text: String, _ flag: String) throws -> Double {
  let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
  let unit = text.last.flatMap { units[$0] }
  guard let number = Double(unit == nil ? text : String(text.dropLast())), number > 0, number.isFinite else {
    throw ScanError.usage("\(flag) \(text): a duration such as 90s, 10m or 2h")
  }
  return number * (unit ?? 1)
}
