import Glibc

/// The bytes of a file as they lie on the disk, not decompressed.
public enum RawFile {
  /// Calls `body` with each block of the file in order.
  public static func forEachBlock(path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(HTSError) {
    guard let file = fopen(path, "r") else { throw .cannotOpen(path: path, reason: HTS.systemReason()) }
    defer { fclose(file) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = fread(buffer.baseAddress, 1, buffer.count, file)
      body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      if count < buffer.count { break }
    }
    guard ferror(file) == 0 else { throw .readFailed(path: path) }
  }
}
