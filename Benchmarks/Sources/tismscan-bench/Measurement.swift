import Attribution

/// How much a stretch of measuring got done.
struct Measurement: Codable, Sendable {
  /// Windows or edits, all threads.
  var count = 0.0
  /// Windows or edits a second: the sum over the threads.
  var rate = 0.0
  /// Seconds the measuring took.
  var seconds = 0.0
  /// Processor seconds of all threads.
  var cpuSeconds = 0.0
  /// True when whole windows would have taken too long, and a sample of columns stood for all.
  var sampled = false
}

/// Runs a workload on a fixed number of threads, again and again.
struct Bench: Sendable {
  let workload: Workload
  private let scorers: [ThreadScorer]

  /// Windows that a thread of a scan hands over at once.
  private static let group = 32

  init(_ workload: Workload, threads: Int) throws {
    self.workload = workload
    scorers = try (0..<threads).map { _ in try workload.scorer() }
  }

  /// All threads work for at least `seconds`; every one ends with the window it is at.
  func measure(seconds: Double) async throws -> Measurement {
    let (start, cpu) = (now(), ProcessUsage.cpuSeconds)
    var result = try await withThrowingTaskGroup(of: Measurement.self) { group in
      for (thread, scorer) in scorers.enumerated() {
        group.addTask {
          switch workload.work {
          case .predict, .tism, .tismAll: try windows(scorer, thread, seconds)
          case .ism: try edits(scorer, thread, seconds)
          }
        }
      }
      return try await group.reduce(into: Measurement()) { sum, part in
        sum.count += part.count
        sum.rate += part.rate
        sum.sampled = sum.sampled || part.sampled
      }
    }
    result.seconds = now() - start
    result.cpuSeconds = ProcessUsage.cpuSeconds - cpu
    return result
  }

  private func windows(_ scorer: ThreadScorer, _ thread: Int, _ seconds: Double) throws -> Measurement {
    let start = now()
    var (count, elapsed) = (0, 0.0)
    // One window first: it tells how many fit.
    var size = 1
    while elapsed < seconds {
      _ = try scorer.score((0..<size).map { workload.task(thread * Self.group + count + $0) })
      count += size
      elapsed = now() - start
      let each = elapsed / Double(count)
      size = max(1, min(Self.group, Int((seconds - elapsed) / each)))
    }
    return Measurement(count: Double(count), rate: Double(count) / elapsed)
  }

  /// Whole windows where one fits in the time, else the sample of columns: the reference pass is counted once a window, the
  /// edits' own time is scaled to all columns.
  private func edits(_ scorer: ThreadScorer, _ thread: Int, _ seconds: Double) throws -> Measurement {
    let length = workload.model.length
    func time(_ sequence: Int, _ columns: Range<Int>) throws -> Double {
      let start = now()
      _ = try scorer.score([workload.task(sequence, columns: columns)])
      return now() - start
    }
    let sampled = workload.sample.reduce(0) { $0 + $1.count }
    let scale = Double(length) / Double(max(1, sampled))
    let start = now()
    var (count, counted, elapsed) = (0, 0.0, 0.0)
    var whole = sampled == 0
    var sequence = thread
    while elapsed < seconds {
      if whole {
        counted += try time(sequence, 0..<length)
      } else {
        let reference = try time(sequence, 0..<0)
        counted += reference
        for block in workload.sample { counted += (try time(sequence, block) - reference) * scale }
      }
      count += 1
      elapsed = now() - start
      if !whole, count == 1, counted < seconds {
        // It would fit: begin again with whole windows.
        (whole, count, counted) = (true, 0, 0)
      }
      sequence += 1
    }
    let edits = Double(3 * length * count)
    return Measurement(count: edits, rate: edits / counted, sampled: !whole)
  }
}
