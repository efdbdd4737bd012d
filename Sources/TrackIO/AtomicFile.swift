import Glibc

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a file of a unique hidden name in the same folder, so that the tasks of a job never share one; ``commit()``
/// puts it on the disk and renames it. A file that is dropped without `commit()` leaves nothing behind, and what had the name
/// before stays.
public struct AtomicFile: ~Copyable {
  /// The name that the file will have.
  public let path: String
  /// The name that it has until then.
  public let temporaryPath: String
  /// The open temporary file; -1 when it is closed.
  private var descriptor: CInt
  private var buffer: [UInt8] = []
  /// Bytes added so far.
  private(set) var size = 0

  private static let bufferSize = 1 << 16

  /// Starts a file in the folder of `path`, which must exist.
  public init(path: String) throws(TrackError) {
    let (folder, name) = Self.split(path)
    let temporaryPath = "\(folder).\(name).\(TemporaryWriter.uniqueField()).tmp"
    let descriptor = try Self.create(temporaryPath, for: path)
    self.path = path
    self.temporaryPath = temporaryPath
    self.descriptor = descriptor
  }

  /// Who writes a temporary file of that name; `nil` for names that are none.
  public static func writer(ofTemporary name: String) -> TemporaryWriter? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].isEmpty, parts.last == "tmp" else { return nil }
    return TemporaryWriter(field: parts[parts.count - 2])
  }

  deinit {
    if descriptor >= 0 {
      close(descriptor)
      unlink(temporaryPath)
    }
  }

  private static func create(_ temporaryPath: String, for path: String) throws(TrackError) -> CInt {
    var status = stat()
    guard !split(path).name.isEmpty, stat(path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR else {
      throw .cannotCreate(path: path, reason: "it is a folder")
    }
    let descriptor = Glibc.open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .cannotCreate(path: path, reason: reason) }
    return descriptor
  }

  /// The folder of a path, with its slash, and the name in it.
  private static func split(_ path: String) -> (folder: Substring, name: Substring) {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    return (path[..<slash], path[slash...])
  }

  /// What the system says about its last error.
  static var reason: String { String(cString: strerror(errno)) }

  /// Adds bytes at the end.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(TrackError) {
    size += bytes.count
    if bytes.count > Self.bufferSize {
      try flush()
      try writeAll(bytes)
    } else {
      buffer += bytes
      if buffer.count > Self.bufferSize { try flush() }
    }
  }

  /// Adds bytes at the end.
  public mutating func write(_ bytes: [UInt8]) throws(TrackError) {
    let result = bytes.withUnsafeBytes { bytes -> Result<Void, TrackError> in
      do throws(TrackError) { return .success(try write(bytes)) } catch { return .failure(error) }
    }
    try result.get()
  }

  /// Adds the UTF-8 of a text at the end.
  public mutating func write(_ text: String) throws(TrackError) { try write(Array(text.utf8)) }

  /// Writes over bytes that were written before, `offset` bytes from the start of the file.
  mutating func overwrite(_ bytes: [UInt8], at offset: Int) throws(TrackError) {
    try flush()
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, offset + done) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .writeFailed(path: path, reason: Self.reason) }
      done += count
    }
  }

  /// Bytes that were written before, `offset` bytes from the start of the file.
  mutating func read(_ count: Int, at offset: Int) throws(TrackError) -> [UInt8] {
    try flush()
    var bytes: [UInt8] = []
    while bytes.count < count {
      var part = [UInt8](repeating: 0, count: count - bytes.count)
      let read = pread(descriptor, &part, part.count, offset + bytes.count)
      if read < 0 && errno == EINTR { continue }
      guard read > 0 else {
        throw .writeFailed(path: path, reason: "cannot read back what was written: \(Self.reason)")
      }
      bytes += part.prefix(read)
    }
    return bytes
  }

  /// Puts the bytes on the disk and gives the file its name; whatever had it is replaced in one step.
  public consuming func commit() throws(TrackError) {
    try flush()
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw .writeFailed(path: path, reason: Self.reason)
    }
    close(descriptor)
    descriptor = -1
    Self.syncFolder(of: path)
  }

  /// Puts the bytes on the disk and gives the file its name unless another has it.
  /// - Returns: whether it has the name now; otherwise nothing is left of it.
  public consuming func commitIfNew() throws(TrackError) -> Bool {
    try flush()
    guard fsync(descriptor) == 0 else { throw .writeFailed(path: path, reason: Self.reason) }
    if link(temporaryPath, path) == 0 {
      Self.syncFolder(of: path)
      return true
    }
    if errno == EEXIST { return false }
    // A file system without links: as good as it gets.
    try commit()
    return true
  }

  private mutating func flush() throws(TrackError) {
    guard !buffer.isEmpty else { return }
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    let result = pending.withUnsafeBytes { bytes -> Result<Void, TrackError> in
      do throws(TrackError) { return .success(try writeAll(bytes)) } catch { return .failure(error) }
    }
    try result.get()
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws(TrackError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .writeFailed(path: path, reason: Self.reason) }
      rest = rest.dropFirst(count)
    }
  }

  /// Puts the new name on the disk too. Some network file systems refuse this, and it is not needed for a whole file.
  private static func syncFolder(of path: String) {
    let folder = split(path).folder
    let descriptor = Glibc.open(folder.isEmpty ? "." : String(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
