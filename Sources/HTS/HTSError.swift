/// What can go wrong between a file and its bytes. Callers wrap it into errors of their own that name the cure.
public enum HTSError: Error, Equatable, Sendable {
  /// The file cannot be opened; `reason` is the system's.
  case cannotOpen(path: String, reason: String)
  /// A read failed: a damaged or truncated block, or the disk.
  case readFailed(path: String)
  /// The position is outside the file, or the `.gzi` does not fit it.
  case badPosition(path: String, offset: Int)
  /// The `.gzi` file is damaged.
  case badBlockIndex(path: String)
  /// A write failed; `reason` is the system's.
  case writeFailed(path: String, reason: String)
  /// The tabix index could not be built.
  case indexFailed(path: String)
}

extension HTSError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .cannotOpen(let path, let reason): "\(path): cannot open: \(reason)"
    case .readFailed(let path): "\(path): cannot read: the file is damaged or truncated"
    case .badPosition(let path, let offset): "\(path): no byte \(offset): the file and its index do not fit"
    case .badBlockIndex(let path): "\(path): damaged block index: build it again with `bgzip -r`"
    case .writeFailed(let path, let reason): "\(path): cannot write: \(reason)"
    case .indexFailed(let path): "\(path): the tabix index could not be built"
    }
  }
}
