import Foundation

/// Bytes that a run takes on the disk.
struct DiskSpace {
  private let settings: ScanSettings
  /// Of a base in a track, compressed, with zoom levels: 4.7 for values without any pattern.
  private static let trackBytes = 5

  init(_ settings: ScanSettings) { self.settings = settings }

  /// Of shard files.
  func shards(strandBases: Int) -> Int { strandBases * settings.bytesOfBase }

  /// Of tracks, about.
  func tracks(strandBases: Int) -> Int {
    let tracks = settings.trackStrands.flatMap(settings.tracks).count * settings.formats.count
    return strandBases * Self.trackBytes * tracks / settings.scannedStrands.count
  }

  /// Fails before hours of work when the disk cannot hold what they give.
  /// - Parameters:
  ///   - scanned: strand bases that shards are to be written of.
  ///   - merged: strand bases that tracks are to be written of.
  func check(scanned: Int, merged: Int, folder: String) throws {
    let needed = shards(strandBases: scanned) + tracks(strandBases: merged)
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
    guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.intValue, free < needed else { return }
    throw ScanError.failed(
      "\(folder): about \(needed >> 20) MiB are needed and \(free >> 20) MiB are free; make room and run the same "
        + "command again")
  }
}
