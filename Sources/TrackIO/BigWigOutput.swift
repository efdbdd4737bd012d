internal import CBigWig
import Genomics
import Glibc

/// libBigWig's open file behind a ``BigWigWriter``.
///
/// After a failed call libBigWig must not be used again (further appends corrupt its heap), so the owner drops this then.
struct BigWigOutput: ~Copyable {
  private let file: UnsafeMutablePointer<bigWigFile_t>
  private let path: String

  init(temporaryPath: String, path: String, contigs: [Contig]) throws(TrackError) {
    file = try Self.open(temporaryPath, path: path, contigs: contigs)
    self.path = path
  }

  deinit { Self.close(file) }

  /// Writes one section.
  mutating func write(_ section: BigWigSection) throws(TrackError) {
    guard !section.isEmpty else { return }
    let name = UnsafePointer<CChar>(file.pointee.cl.pointee.chrom[section.contig])
    let count = UInt32(section.positions.count)
    let code: CInt
    switch section.layout {
    case .fixedStep:
      code = bwAddIntervalSpanSteps(file, name, section.positions[0], 1, 1, section.values, count)
    case .variableStep:
      code = bwAddIntervalSpans(file, name, section.positions, 1, section.values, count)
    case .intervals:
      let runs = section.equalRuns()
      let contigs = [UnsafePointer<CChar>?](repeating: name, count: runs.starts.count)
      code = bwAddIntervals(file, contigs, runs.starts, runs.ends, runs.values, UInt32(runs.starts.count))
    }
    try check(code)
  }

  /// Writes index and zoom levels; the bytes are with the system when this returns.
  consuming func finish() throws(TrackError) {
    try check(bwFinalize(file))
    guard let stream = file.pointee.URL.pointee.x.fp, ferror(stream) == 0, fflush(stream) == 0 else {
      throw .writeFailed(path: path, reason: AtomicFile.reason)
    }
  }

  private static func open(
    _ temporaryPath: String, path: String, contigs: [Contig]
  ) throws(TrackError) -> UnsafeMutablePointer<bigWigFile_t> {
    guard let file = bwOpen(temporaryPath, nil, "w") else {
      throw .cannotCreate(path: path, reason: AtomicFile.reason)
    }
    let names = contigs.map { UnsafePointer(strdup($0.name)) }
    defer { names.forEach { free(UnsafeMutablePointer(mutating: $0)) } }
    let lengths = contigs.map { UInt32($0.length) }
    guard bwCreateHdr(file, 10) == 0, let list = bwCreateChromList(names, lengths, Int64(names.count)) else {
      close(file)
      throw .cannotCreate(path: path, reason: "out of memory")
    }
    file.pointee.cl = list
    guard bwWriteHdr(file) == 0 else {
      let reason = AtomicFile.reason
      close(file)
      throw .writeFailed(path: path, reason: reason)
    }
    return file
  }

  private func check(_ code: CInt) throws(TrackError) {
    guard code == 0 else {
      throw .writeFailed(path: path, reason: "libBigWig code \(code); \(AtomicFile.reason)")
    }
  }

  /// Closes without finalising: `bwClose` would do that itself, a second time, and only print what goes wrong.
  private static func close(_ file: UnsafeMutablePointer<bigWigFile_t>) {
    file.pointee.isWrite = 0
    bwClose(file)
  }
}
