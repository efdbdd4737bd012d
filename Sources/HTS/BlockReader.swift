internal import CHTSlib
import Glibc

/// Reads a plain, gzip or bgzip file; the kind is found by looking.
///
/// A reader owns one open file and its position, so it is noncopyable and not `Sendable`: open one per task that reads.
public struct BlockReader: ~Copyable {
  /// How a file is compressed.
  public enum Compression: Sendable { case none, gzip, bgzip }

  private let file: UnsafeMutablePointer<BGZF>
  private var blocks: BlockIndex?
  /// Bytes of uncompressed data before the next one to read.
  private var position = 0
  /// Path of the file, for messages.
  public let path: String
  /// How the file is compressed.
  public let compression: Compression

  /// Opens a file for reading; `-` is standard input.
  public init(path: String) throws(HTSError) {
    HTS.quiet
    guard let file = bgzf_open(path, "r") else { throw .cannotOpen(path: path, reason: HTS.systemReason()) }
    self.file = file
    self.path = path
    compression =
      switch bgzf_compression(file) {
      case 2: .bgzip
      case 1: .gzip
      default: .none
      }
  }

  deinit { _ = bgzf_close(file) }

  /// Reads the `.gzi` that lets ``seek(to:)`` work on a bgzip file.
  public mutating func loadBlockIndex(path: String) throws(HTSError) { blocks = try BlockIndex(path: path) }

  /// Moves to byte `offset` of the uncompressed data. Positions past the end are found out by the next read.
  public mutating func seek(to offset: Int) throws(HTSError) {
    // Positions just ahead are reached by reading: a seek would inflate the present block again.
    if offset < position || offset - position > 1 << 16 {
      let start: (file: Int, plain: Int)
      if compression == .none {
        start = (offset, offset)
      } else {
        guard let blocks else { throw .badPosition(path: path, offset: offset) }
        start = blocks.block(holding: offset)
      }
      guard offset >= 0, start.file < 1 << 47, bgzf_seek(file, Int64(start.file) << 16, SEEK_SET) == 0 else {
        throw .badPosition(path: path, offset: offset)
      }
      position = start.plain
    }
    try skip(offset - position)
  }

  /// Fills `buffer` as far as the file goes; fewer bytes than asked for mean its end.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(HTSError) -> Int {
    guard let base = buffer.baseAddress, buffer.count > 0 else { return 0 }
    let count = bgzf_read(file, base, buffer.count)
    guard count >= 0 else { throw .readFailed(path: path) }
    position += count
    return count
  }

  /// The next `count` bytes, or fewer at the end of the file.
  public mutating func read(count: Int) throws(HTSError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = try bytes.withUnsafeMutableBufferPointer { buffer throws(HTSError) in
      try read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    bytes.removeLast(count - got)
    return bytes
  }

  /// Everything from the present position on.
  public consuming func readAll() throws(HTSError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let block = try read(count: 1 << 16)
      bytes += block
      if block.count < 1 << 16 { return bytes }
    }
  }

  /// The next line without its line end (`\n` or `\r\n`), or `nil` at the end of the file.
  public mutating func readLine() throws(HTSError) -> [UInt8]? {
    var text = kstring_t(l: 0, m: 0, s: nil)
    defer { free(text.s) }
    let result = bgzf_getline(file, CInt(UInt8(ascii: "\n")), &text)
    guard result >= -1 else { throw .readFailed(path: path) }
    guard result >= 0 else { return nil }
    // htslib has taken off a `\r` if there was one, so that only a real seek can tell where the file is.
    position = .max
    return text.s.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: Int(text.l))) } ?? []
  }

  /// False for a bgzip file that lacks its end marker: a truncated copy. Standard input and other kinds count as whole.
  public var hasEndMarker: Bool { compression != .bgzip || bgzf_check_EOF(file) != 0 }

  private mutating func skip(_ count: Int) throws(HTSError) {
    guard count > 0 else { return }
    guard try read(count: count).count == count else { throw .badPosition(path: path, offset: position + count) }
  }
}
