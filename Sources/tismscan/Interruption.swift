import Dispatch
import Glibc
import Synchronization

/// SIGINT and SIGTERM cancel the work at hand, so that the run folder stays one that can be resumed; a second one ends the
/// program at once.
enum Interruption {
  private static let signal = Atomic<Int32>(0)

  /// The signal that arrived, or 0.
  static var received: Int32 { signal.load(ordering: .relaxed) }

  /// Runs `work` in a task that signals cancel.
  static func cancelling(_ work: @escaping @Sendable () async throws -> Void) async throws {
    let task = Task { try await work() }
    let sources = [SIGINT, SIGTERM].map { number in
      Glibc.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if received != 0 { _exit(128 + number) }
        signal.store(number, ordering: .relaxed)
        task.cancel()
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    try await task.value
  }
}
