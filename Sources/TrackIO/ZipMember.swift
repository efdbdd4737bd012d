internal import CZlib

/// One file inside a zip, and the records that zip keeps of it.
///
/// Sizes are always written as zip64 (as NumPy does), so that they need not be known when a member starts. There is no date:
/// equal arrays make equal files.
struct ZipMember {
  let name: String
  /// Bytes of the zip before its local header.
  let offset: Int
  let isDeflated: Bool
  /// CRC-32 of the plain bytes.
  private(set) var checksum: UInt32 = 0
  /// Number of plain bytes.
  private(set) var size = 0
  /// Number of bytes in the zip.
  var storedSize = 0

  init(name: String, offset: Int, isDeflated: Bool) {
    self.name = name
    self.offset = offset
    self.isDeflated = isDeflated
  }

  /// Counts plain bytes into checksum and size.
  mutating func add(_ bytes: [UInt8]) {
    checksum = UInt32(crc32_z(UInt(checksum), bytes, bytes.count))
    size += bytes.count
  }

  /// The record before the member's bytes; its length does not depend on the sizes.
  var localHeader: [UInt8] {
    var record = LittleEndianBytes()
    record.append(UInt32(0x0403_4B50))
    appendCommon(to: &record)
    record.append(UInt16(20))  // extra bytes
    record.append(name)
    record.append(UInt16(1))  // zip64: plain size, stored size
    record.append(UInt16(16))
    record.append(UInt64(size))
    record.append(UInt64(storedSize))
    return record.bytes
  }

  /// The record of the member in the zip's directory.
  private var directoryEntry: [UInt8] {
    var record = LittleEndianBytes()
    record.append(UInt32(0x0201_4B50))
    record.append(UInt16(45))  // made by: version 4.5, MS-DOS attributes
    appendCommon(to: &record)
    record.append(UInt16(28))  // extra bytes
    for _ in 0..<3 { record.append(UInt16(0)) }  // comment, disk, internal attributes
    record.append(UInt32(0))  // external attributes
    record.append(UInt32.max)  // offset: in the extra bytes
    record.append(name)
    record.append(UInt16(1))  // zip64: plain size, stored size, offset
    record.append(UInt16(24))
    record.append(UInt64(size))
    record.append(UInt64(storedSize))
    record.append(UInt64(offset))
    return record.bytes
  }

  /// Everything after the last member of a zip whose members take `offset` bytes.
  static func directory(of members: [ZipMember], at offset: Int) -> [UInt8] {
    let entries = members.flatMap(\.directoryEntry)
    var record = LittleEndianBytes()
    record.append(UInt32(0x0606_4B50))  // zip64 end of directory
    record.append(UInt64(44))
    for _ in 0..<2 { record.append(UInt16(45)) }
    for _ in 0..<2 { record.append(UInt32(0)) }  // disks
    for _ in 0..<2 { record.append(UInt64(members.count)) }
    record.append(UInt64(entries.count))
    record.append(UInt64(offset))
    record.append(UInt32(0x0706_4B50))  // where that is
    record.append(UInt32(0))
    record.append(UInt64(offset + entries.count))
    record.append(UInt32(1))
    record.append(UInt32(0x0605_4B50))  // end of directory: see zip64
    for _ in 0..<2 { record.append(UInt16(0)) }
    for _ in 0..<2 { record.append(UInt16(clamping: members.count)) }
    record.append(UInt32(clamping: entries.count))
    record.append(UInt32(clamping: offset))
    record.append(UInt16(0))
    return entries + record.bytes
  }

  /// What local header and directory entry have in common: version needed to name length.
  private func appendCommon(to record: inout LittleEndianBytes) {
    record.append(UInt16(45))
    record.append(UInt16(1 << 11))  // the name is UTF-8
    record.append(UInt16(isDeflated ? 8 : 0))
    record.append(UInt16(0))  // 00:00
    record.append(UInt16(1 << 5 | 1))  // 1 January 1980
    record.append(checksum)
    for _ in 0..<2 { record.append(UInt32.max) }  // sizes: in the extra bytes
    record.append(UInt16(name.utf8.count))
  }
}
