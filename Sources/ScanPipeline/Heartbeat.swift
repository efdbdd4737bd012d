import Foundation
import Synchronization

/// Touches the log of a process now and then, so that other machines see that it lives. A thread of its own, because the tasks
/// of a scan keep the others busy.
final class Heartbeat: Sendable {
  /// Seconds between two beats.
  static let interval = 10.0
  private let isStopped = Atomic<Bool>(false)

  init(_ log: RunLog) {
    Thread.detachNewThread { [self] in
      while !isStopped.load(ordering: .relaxed) {
        log.touch()
        Thread.sleep(forTimeInterval: Self.interval)
      }
    }
  }

  func stop() { isStopped.store(true, ordering: .relaxed) }
}
