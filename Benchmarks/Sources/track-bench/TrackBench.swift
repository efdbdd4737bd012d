import Genomics
import Glibc
import TrackIO

/// Measures what writing one bigWig takes: `track-bench BASES WORKERS FILE`.
///
/// The values are random with many small ones, as scores are; every hundredth stretch has none. They take a few nanoseconds a
/// base, which is part of what is printed.
@main
struct TrackBench {
  private static let stretch = 65_536

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let bases = Int(arguments[1]), let workers = Int(arguments[2]), workers > 0 else {
      let help = "usage: track-bench BASES WORKERS FILE\n"
      _ = write(STDERR_FILENO, help, help.utf8.count)
      exit(2)
    }
    let path = arguments[3]
    let begin = ContinuousClock.now
    var writer = try BigWigWriter(path: path, contigs: [Contig(name: "chr1", length: bases)], workers: workers)
    var state: UInt64 = 88_172_645_463_325_252
    for start in stride(from: 0, to: bases, by: stretch) where start / stretch % 100 != 7 {
      let values = (start..<min(start + stretch, bases)).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        let uniform = Float(Int64(bitPattern: state) >> 40) / 8_388_608
        return uniform * uniform * uniform
      }
      try writer.append(contig: 0, start: start, values: values)
    }
    try writer.finish()
    let elapsed = ContinuousClock.now - begin

    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    var status = stat()
    stat(path, &status)
    let processor =
      Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    print(
      "\(bases) bases, \(workers) workers: \(elapsed), processor \(processor) s, memory \(usage.ru_maxrss / 1024) MiB, "
        + "file \(status.st_size) bytes")
  }
}
