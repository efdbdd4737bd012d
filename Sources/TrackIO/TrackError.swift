/// What can go wrong between values and a finished file. The file does not exist then, or is the one that was there before.
public enum TrackError: Error, Equatable, Sendable {
  /// The file cannot be started in its folder; `reason` is the system's.
  case cannotCreate(path: String, reason: String)
  /// A write failed, usually because the disk is full; `reason` is the system's.
  case writeFailed(path: String, reason: String)
  /// An infinite value: a model that overflowed. It never reaches a track.
  case infinite(path: String, contig: String, position: Int)
  /// The format cannot hold a contig of this length; `limit` is one more than the longest.
  case contigTooLong(path: String, contig: String, limit: Int)
  /// An earlier call failed and the file was discarded.
  case discarded(path: String)
}

extension TrackError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .cannotCreate(let path, let reason): "\(path): cannot create: \(reason)"
    case .writeFailed(let path, let reason): "\(path): cannot write: \(reason)"
    case .infinite(let path, let contig, let position):
      "\(path): an infinite score at \(contig):\(position + 1): the model overflows there"
    case .contigTooLong(let path, let contig, let limit):
      "\(path): \(contig) has \(limit) bases or more, which this format cannot hold"
    case .discarded(let path): "\(path): discarded after an earlier error"
    }
  }
}
