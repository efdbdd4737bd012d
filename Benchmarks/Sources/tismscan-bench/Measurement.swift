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
  /// Of the first target alone, in ``Work/tismAll``.
  private let firstTargetScorers: [ThreadScorer]

  /// Windows that a thread of a scan hands over at once.
  private static let group = 32

  init(_ workload: Workload, threads: Int) throws {
    self.workload = workload
    scorers = try (0..<threads).map { _ in try workload.scorer() }
    firstTargetScorers =
      workload.work == .tismAll ? try (0..<threads).map { _ in try workload.scorerOfFirstTarget() } : []
  }

  /// All threads work for at least `seconds`; every one ends with the window it is at.
  func measure(seconds: Double) async throws -> Measurement {
    let (start, cpu) = (now(), ProcessUsage.cpuSeconds)
    var result = try await withThrowingTaskGroup(of: Measurement.self) { group in
      for (thread, scorer) in scorers.enumerated() {
        group.addTask {
          switch workload.work {
          case .predict, .tism: try windows(scorer, thread, seconds)
          case .tismAll: try everyTarget(scorer, firstTargetScorers[thread], thread, seconds)
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
    while elapsed < seconds {
      _ = try scorer.score(group(thread, count))
      count += Self.group
      elapsed = now() - start
    }
    return Measurement(count: Double(count), rate: Double(count) / elapsed)
  }

  private func group(_ thread: Int, _ first: Int) -> [WindowTask] {
    (0..<Self.group).map { workload.task(thread * Self.group + first + $0) }
  }

  /// The first target's time holds the forward pass; each further target costs what the sampled ones do.
  private func everyTarget(
    _ scorer: ThreadScorer, _ firstTarget: ThreadScorer, _ thread: Int, _ seconds: Double
  ) throws -> Measurement {
    let further = Double(workload.targetCount - 1) / Double(max(1, workload.model.targets.count - 1))
    var (count, counted, elapsed) = (0, 0.0, 0.0)
    let start = now()
    while elapsed < seconds {
      let tasks = group(thread, count)
      var before = now()
      _ = try firstTarget.score(tasks)
      let one = now() - before
      before = now()
      _ = try scorer.score(tasks)
      counted += one + (now() - before - one) * further
      count += Self.group
      elapsed = now() - start
    }
    return Measurement(count: Double(count), rate: Double(count) / counted, sampled: true)
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
    var start = now()
    var (count, counted, elapsed) = (0, 0.0, 0.0)
    var whole = sampled == 0
    var sequence = thread
    while elapsed < seconds {
      if whole {
        counted += try time(sequence, 0..<length)
      } else {
        let reference = try time(sequence, 0..<0)
        counted += reference
        for block in workload.sample { counted += max(0, try time(sequence, block) - reference) * scale }
      }
      count += 1
      elapsed = now() - start
      if !whole, count == 1, counted < seconds {
        // It would fit: begin again with whole windows.
        (whole, count, counted, elapsed, start) = (true, 0, 0, 0, now())
      }
      sequence += 1
    }
    let edits = Double(3 * length * count)
    return Measurement(count: edits, rate: edits / counted, sampled: !whole)
  }
}
