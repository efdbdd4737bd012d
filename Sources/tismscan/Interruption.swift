import Dispatch
import Foundation
import Glibc
import ScanPipeline
import Synchronization

/// SIGINT and SIGTERM cancel the work at hand, so that the run folder stays one that can be resumed; a second one ends the
/// program at once. SIGUSR1, which batch systems send on request before they end a job, and a time limit cancel it too, and end
/// with the code of an incomplete run.
enum Interruption {
  private static let signal = Atomic<Int32>(0)

  /// The code to end with after a cancellation.
  static var exitStatus: Int32 {
    let number = signal.load(ordering: .relaxed)
    return number == SIGINT || number == SIGTERM ? 128 + number : ExitStatus.incomplete.rawValue
  }

  /// Runs `work` in a task that signals cancel.
  /// - Parameter stopAt: when to cancel it in any case.
  static func cancelling(stopAt: Date? = nil, _ work: @escaping @Sendable () async throws -> Void) async throws {
    let task = Task { try await work() }
    let sources = [SIGINT, SIGTERM, SIGUSR1].map { number in
      Glibc.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if number != SIGUSR1, signal.load(ordering: .relaxed) != 0 { _exit(128 + number) }
        signal.store(number, ordering: .relaxed)
        task.cancel()
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    let timer = stopAt.map { time in
      let timer = DispatchSource.makeTimerSource()
      timer.schedule(deadline: .now() + max(0, time.timeIntervalSinceNow))
      timer.setEventHandler { task.cancel() }
      timer.resume()
      return timer
    }
    defer { timer?.cancel() }
    try await task.value
  }
}
