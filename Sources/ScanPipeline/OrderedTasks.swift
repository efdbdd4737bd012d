/// What a task may begin with.
enum Preparation<Input: Sendable> {
  case ready(Input)
  /// Not before another task is done; never said when none is running.
  case later
  /// This task and all after it are not to start.
  case over
}

/// Bounded concurrency with results committed in order, without a lock.
enum OrderedTasks {
  /// Runs `work` for `0..<count` on up to `threads` cores.
  ///
  /// Results wait in a reorder buffer; no task starts `2 * threads` or more ahead of the last commit, so memory is bounded
  /// whatever `count` is. The first error cancels the rest and is rethrown.
  /// - Parameters:
  ///   - next: reads the input of task `number`; runs in the parent, in order.
  ///   - commit: takes the result of task `number`; runs in the parent, in order.
  static func run<Input: Sendable, Output: Sendable>(
    count: Int, threads: Int, next: (_ number: Int) throws -> Preparation<Input>,
    work: @escaping @Sendable (_ number: Int, Input) throws -> Output,
    commit: (_ number: Int, Output) throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
      var (started, committed, count) = (0, 0, count)
      var finished: [Int: Output] = [:]
      while committed < count {
        let horizon = min(count, committed + 2 * threads)
        starting: while started < min(count, horizon), started - committed - finished.count < threads {
          try Task.checkCancellation()
          let number = started
          let input: Input
          switch try next(number) {
          case .ready(let read): input = read
          case .later: break starting
          case .over:
            count = started
            break starting
          }
          group.addTask {
            try Task.checkCancellation()
            return (number, try work(number, input))
          }
          started += 1
        }
        guard let (number, output) = try await group.next() else { return }
        finished[number] = output
        while let result = finished.removeValue(forKey: committed) {
          try commit(committed, result)
          committed += 1
        }
      }
    }
  }

  /// The same where every task can begin at once.
  static func run<Input: Sendable, Output: Sendable>(
    count: Int, threads: Int, prepare: (_ number: Int) throws -> Input,
    work: @escaping @Sendable (_ number: Int, Input) throws -> Output,
    commit: (_ number: Int, Output) throws -> Void
  ) async throws {
    try await run(count: count, threads: threads, next: { .ready(try prepare($0)) }, work: work, commit: commit)
  }
}
