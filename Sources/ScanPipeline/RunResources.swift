public import Foundation

/// What a command may use of the machine, and where it says what it does. Never changes a value.
public struct RunResources: Sendable {
  public var threads = 1
  /// Bytes that a scan may take; what suits the machine when `nil`.
  public var memory: Int?
  /// When to stop: a shard that would not be complete by then is not started.
  public var stopAt: Date?
  /// File that gets the log's lines too; `-` for standard error.
  public var log: String?
  /// Facts for the log alone: host, instruction set, where the thread count came from.
  public var facts: [String: String] = [:]

  public init() {}
}
