/// What keeps a scan from running or finishing. Every description names the cure; ``ExitStatus`` says which code it ends with.
public enum ScanError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A flag or combination of flags that makes no sense for this model: exit 2.
  case usage(String)
  /// Something in an input file: exit 3.
  case badInput(String)
  /// The run folder was planned with other settings: exit 2.
  case otherRun(folder: String, difference: String)
  /// Something failed while running: exit 1.
  case failed(String)
  /// A shard file, counted from 1, is not as it was written: its shard is missing again, exit 4.
  case damagedShard(Int)
  /// What is done stays done, and the rest is left: exit 4.
  case incomplete(String)

  public var description: String {
    switch self {
    case .usage(let reason), .badInput(let reason), .failed(let reason), .incomplete(let reason): reason
    case .otherRun(let folder, let difference):
      "\(folder) holds a run with other settings (\(difference)); choose another --output, or start over with --force"
    case .damagedShard(let number): "shard \(number) is damaged: scan it again"
    }
  }
}

/// Exit codes of every subcommand.
public enum ExitStatus: Int32, Sendable {
  case done = 0
  case failed = 1
  case usage = 2
  case badInput = 3
  /// The run is incomplete and can be resumed.
  case incomplete = 4
}
