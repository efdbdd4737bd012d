import Foundation
import Glibc

/// What this process has used, as the kernel counts it.
enum ProcessUsage {
  /// User and system seconds of all threads.
  static var cpuSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.seconds
  }

  /// Largest resident memory so far (`VmHWM`), bytes; 0 where the kernel does not say.
  static var peakMemory: Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
    else { return 0 }
    return kilobytes * 1024
  }
}

/// Seconds since some fixed moment.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.seconds
}

extension timespec {
  fileprivate var seconds: Double { Double(tv_sec) + Double(tv_nsec) * 1e-9 }
}
