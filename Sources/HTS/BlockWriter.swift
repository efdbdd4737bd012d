internal import CHTSlib
import Glibc

/// Writes a bgzip file: gzip in blocks, which tabix can index.
public struct BlockWriter: ~Copyable {
  private var file: UnsafeMutablePointer<BGZF>?
  private let path: String

  /// Starts the file `path`; what was there is lost.
  public init(path: String) throws(HTSError) {
    HTS.quiet
    guard let file = bgzf_open(path, "w") else { throw .cannotOpen(path: path, reason: HTS.systemReason()) }
    self.file = file
    self.path = path
  }

  deinit { if let file { _ = bgzf_close(file) } }

  /// Adds bytes. After an error the file is worthless.
  public mutating func write(_ bytes: [UInt8]) throws(HTSError) {
    errno = 0
    guard bgzf_write(file, bytes, bytes.count) == bytes.count else {
      throw .writeFailed(path: path, reason: HTS.systemReason())
    }
  }

  /// Writes what is buffered and the end marker. The file is complete only when this returns.
  public consuming func finish() throws(HTSError) {
    errno = 0
    let closing = file
    file = nil
    guard bgzf_close(closing) == 0 else { throw .writeFailed(path: path, reason: HTS.systemReason()) }
  }
}
