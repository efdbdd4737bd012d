import Attribution
import Foundation
import Glibc
import TrackIO

/// The file of a shard: `TISMSHD2`, then for each unit its base codes and its float32 sections in order of their names, then the
/// record, its length and its checksum (64 bits each) and `TISMEND2`. Little-endian. Renamed into place when complete, so that
/// the record, which says that the shard is complete, is never seen without the scores.
enum ShardFile {
  static let magic = Array("TISMSHD2".utf8)
  static let end = Array("TISMEND2".utf8)
  /// Bytes after the record.
  static let trailerSize = 24

  /// What a shard file says about itself.
  struct Record: Codable, Equatable {
    struct Section: Codable, Equatable {
      let name: String
      /// Values.
      let count: Int
      let checksum: UInt64
    }
    struct Unit: Codable, Equatable {
      let bases: Int
      let codesChecksum: UInt64
      /// By name.
      let sections: [Section]

      var bytes: Int { bases + 4 * sections.reduce(0) { $0 + $1.count } }
    }
    /// What the scores depend on.
    let identity: Manifest.Identity
    /// Counted from 1.
    let shard: Int
    /// Checksum of which bases in which units.
    let cut: String
    let counts: UnitResult.Counts
    let checks: CheckTally
    let units: [Unit]

    /// Bytes of the whole file before the record.
    var dataBytes: Int { ShardFile.magic.count + units.reduce(0) { $0 + $1.bytes } }
  }

  static func littleEndian(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
  }
}

/// Writes a shard's units as they come, in bounded memory. The file is there once ``finish()`` returns, and not before.
final class ShardWriter {
  private var file: AtomicFile?
  private let identity: Manifest.Identity
  private let shard: Int
  private let cut: String
  private var counts = UnitResult.Counts()
  private var checks = CheckTally()
  private var units: [ShardFile.Record.Unit] = []

  init(path: String, identity: Manifest.Identity, shard: Int, cut: String) throws {
    file = try AtomicFile(path: path)
    (self.identity, self.shard, self.cut) = (identity, shard, cut)
    try file?.write(ShardFile.magic)
  }

  func append(_ result: UnitResult) throws {
    try file?.write(result.codes)
    var sections: [ShardFile.Record.Section] = []
    for name in result.sections.keys.sorted() {
      let values = result.sections[name]!
      let checksum = try values.withUnsafeBytes { bytes in
        try file?.write(bytes)
        return Checksum.words(of: bytes)
      }
      sections.append(ShardFile.Record.Section(name: name, count: values.count, checksum: checksum))
    }
    units.append(
      ShardFile.Record.Unit(
        bases: result.codes.count, codesChecksum: result.codes.withUnsafeBytes { Checksum.words(of: $0) },
        sections: sections))
    counts.add(result.counts)
    checks.add(result.checks)
  }

  func finish() throws {
    let record = ShardFile.Record(
      identity: identity, shard: shard, cut: cut, counts: counts, checks: checks, units: units)
    let bytes = try Manifest.encode(record)
    try file?.write(bytes)
    try file?.write(ShardFile.littleEndian(UInt64(bytes.count)))
    try file?.write(ShardFile.littleEndian(bytes.withUnsafeBytes { Checksum.words(of: $0) }))
    try file?.write(ShardFile.end)
    if let file = file.take() { try file.commit() }
  }
}

/// Reads a complete shard file piece by piece. Owned by one task.
final class ShardReader {
  let path: String
  let record: ShardFile.Record
  private let descriptor: CInt
  /// Offset of each unit.
  private let offsets: [Int]

  /// What is under a shard's name.
  enum Found {
    case missing
    /// Cut short, or changed since it was written.
    case damaged
    case whole(ShardReader)
  }

  /// Opens the file and reads its record; scores are checked when they are read.
  /// - Throws: a file that is there and cannot be read, which says nothing about what is in it.
  static func open(_ path: String) throws -> Found {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return .missing }
      throw unreadable(path)
    }
    let record: ShardFile.Record?
    do {
      record = try Self.record(descriptor, path)
    } catch {
      close(descriptor)
      throw error
    }
    guard let record else {
      close(descriptor)
      return .damaged
    }
    return .whole(ShardReader(path, descriptor, record))
  }

  private init(_ path: String, _ descriptor: CInt, _ record: ShardFile.Record) {
    (self.path, self.descriptor, self.record) = (path, descriptor, record)
    var offsets: [Int] = []
    var next = ShardFile.magic.count
    for unit in record.units {
      offsets.append(next)
      next += unit.bytes
    }
    self.offsets = offsets
  }

  deinit { close(descriptor) }

  private static func unreadable(_ path: String) -> ScanError {
    .failed("\(path): cannot be read: \(String(cString: strerror(errno)))")
  }

  private static func record(_ descriptor: CInt, _ path: String) throws -> ShardFile.Record? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size >= ShardFile.magic.count + ShardFile.trailerSize,
      try bytes(descriptor, path, at: 0, ShardFile.magic.count) == ShardFile.magic,
      let trailer = try bytes(descriptor, path, at: Int(status.st_size) - ShardFile.trailerSize, ShardFile.trailerSize),
      Array(trailer.suffix(8)) == ShardFile.end
    else { return nil }
    let room = Int(status.st_size) - ShardFile.trailerSize - ShardFile.magic.count
    guard let length = Int(exactly: ShardFile.integer(trailer[..<8])), 0...room ~= length else { return nil }
    let start = Int(status.st_size) - ShardFile.trailerSize - length
    guard let encoded = try bytes(descriptor, path, at: start, length),
      encoded.withUnsafeBytes({ Checksum.words(of: $0) }) == ShardFile.integer(trailer[8..<16]),
      let record = try? JSONDecoder().decode(ShardFile.Record.self, from: Data(encoded)), record.dataBytes == start
    else { return nil }
    return record
  }

  private static func bytes(_ descriptor: CInt, _ path: String, at offset: Int, _ count: Int) throws -> [UInt8]? {
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let isWhole = try read(descriptor, path, at: offset, into: UnsafeMutableRawBufferPointer(buffer))
      filled = isWhole ? count : 0
    }
    return bytes.count == count ? bytes : nil
  }

  /// - Returns: false where the file ends before.
  private static func read(
    _ descriptor: CInt, _ path: String, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws -> Bool {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, offset + done)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path) }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  private var damage: ScanError { .damagedShard(record.shard) }

  /// Plus-strand base codes of a unit.
  func codes(ofUnit unit: Int) throws -> [UInt8] {
    guard let codes = try Self.bytes(descriptor, path, at: offsets[unit], record.units[unit].bases),
      codes.withUnsafeBytes({ Checksum.words(of: $0) }) == record.units[unit].codesChecksum
    else { throw damage }
    return codes
  }

  /// Values of a unit's section; `nil` when it has none of that name.
  func section(_ name: String, ofUnit unit: Int) throws -> [Float]? {
    var offset = offsets[unit] + record.units[unit].bases
    for section in record.units[unit].sections {
      guard section.name == name else {
        offset += 4 * section.count
        continue
      }
      var isWhole = false
      let values = try [Float](unsafeUninitializedCapacity: section.count) { buffer, filled in
        let bytes = UnsafeMutableRawBufferPointer(buffer)
        isWhole =
          try Self.read(descriptor, path, at: offset, into: bytes)
          && Checksum.words(of: UnsafeRawBufferPointer(bytes)) == section.checksum
        filled = section.count
      }
      guard isWhole else { throw damage }
      return values
    }
    return nil
  }

  /// Reads everything.
  /// - Throws: ``ScanError/damagedShard(_:)`` when anything is not as it was written.
  func check() throws {
    for unit in record.units.indices {
      _ = try codes(ofUnit: unit)
      for section in record.units[unit].sections { _ = try self.section(section.name, ofUnit: unit) }
    }
  }
}
