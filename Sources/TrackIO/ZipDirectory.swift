/// The directory at the end of a zip file.
enum ZipDirectory {
  /// One file inside the zip.
  struct Entry {
    let name: String
    private let method: UInt16
    private let checksum: UInt32
    private let size: Int
    private let storedSize: Int
    private let offset: Int
    /// Bytes of the directory that this entry takes.
    let length: Int

    /// Reads the entry at `start`; `nil` when there is none or it points outside the file.
    init?(_ bytes: [UInt8], at start: Int) {
      guard bytes.number(at: start, as: UInt32.self) == 0x0201_4B50,
        let method = bytes.number(at: start + 10, as: UInt16.self),
        let checksum = bytes.number(at: start + 16, as: UInt32.self),
        let nameLength = bytes.number(at: start + 28, as: UInt16.self).map(Int.init),
        let extraLength = bytes.number(at: start + 30, as: UInt16.self).map(Int.init),
        let commentLength = bytes.number(at: start + 32, as: UInt16.self).map(Int.init),
        start + 46 + nameLength + extraLength + commentLength <= bytes.count
      else { return nil }
      let name = bytes[start + 46..<start + 46 + nameLength]
      // Size, stored size and offset stand in the zip64 extra, in this order, where the 32-bit fields are full.
      var wide = Self.zip64(bytes[start + 46 + nameLength..<start + 46 + nameLength + extraLength])
      func field(at position: Int) -> Int? {
        guard let narrow = bytes.number(at: start + position, as: UInt32.self) else { return nil }
        if narrow != .max { return Int(narrow) }
        return wide.isEmpty ? nil : wide.removeFirst()
      }
      guard let size = field(at: 24), let storedSize = field(at: 20), let offset = field(at: 42) else { return nil }
      self.name = String(decoding: name, as: UTF8.self)
      self.method = method
      self.checksum = checksum
      self.size = size
      self.storedSize = storedSize
      self.offset = offset
      length = 46 + nameLength + extraLength + commentLength
    }

    /// The plain bytes of the file.
    func contents(in bytes: [UInt8], path: String) throws(NumPyError) -> [UInt8] {
      guard let plain = plainBytes(in: bytes), Inflater.checksum(plain) == checksum else {
        throw .damagedMember(path: path, member: name)
      }
      return plain
    }

    private func plainBytes(in bytes: [UInt8]) -> [UInt8]? {
      guard offset < bytes.count, bytes.number(at: offset, as: UInt32.self) == 0x0403_4B50,
        let nameLength = bytes.number(at: offset + 26, as: UInt16.self).map(Int.init),
        let extraLength = bytes.number(at: offset + 28, as: UInt16.self).map(Int.init)
      else { return nil }
      let start = offset + 30 + nameLength + extraLength
      guard start <= bytes.count, storedSize <= bytes.count - start else { return nil }
      let stored = bytes[start..<start + storedSize]
      switch method {
      case 0: return size == storedSize ? Array(stored) : nil
      case 8: return Inflater.inflate(stored, size: size)
      default: return nil
      }
    }

    /// The 64-bit numbers of the zip64 field among the extra fields.
    private static func zip64(_ extra: ArraySlice<UInt8>) -> [Int] {
      var rest = extra
      while let kind = rest.number(at: 0, as: UInt16.self), let length = rest.number(at: 2, as: UInt16.self) {
        let body = rest.dropFirst(4).prefix(Int(length))
        if kind == 1 {
          return stride(from: 0, through: body.count - 8, by: 8).compactMap {
            body.number(at: $0, as: UInt64.self).flatMap { Int(exactly: $0) }
          }
        }
        rest = rest.dropFirst(4 + Int(length))
      }
      return []
    }
  }

  /// The files of a zip in the order of its directory.
  static func entries(of bytes: [UInt8], path: String) throws(NumPyError) -> [Entry] {
    guard let (start, count) = place(in: bytes) else { throw .notNPZ(path: path) }
    var entries: [Entry] = []
    var position = start
    for _ in 0..<count {
      guard let entry = Entry(bytes, at: position) else { throw .notNPZ(path: path) }
      entries.append(entry)
      position += entry.length
    }
    return entries
  }

  /// Where the directory starts and how many entries it has.
  private static func place(in bytes: [UInt8]) -> (start: Int, count: Int)? {
    // The last record is 22 bytes and a comment of up to 65,535.
    let candidates = stride(from: bytes.count - 22, through: max(0, bytes.count - 22 - 65_535), by: -1)
    guard let end = candidates.first(where: { bytes.number(at: $0, as: UInt32.self) == 0x0605_4B50 }),
      let narrowCount = bytes.number(at: end + 10, as: UInt16.self),
      let narrowStart = bytes.number(at: end + 16, as: UInt32.self)
    else { return nil }
    if bytes.number(at: end - 20, as: UInt32.self) == 0x0706_4B50 {
      guard let record = bytes.number(at: end - 12, as: UInt64.self).flatMap({ Int(exactly: $0) }),
        bytes.count - record >= 56, bytes.number(at: record, as: UInt32.self) == 0x0606_4B50,
        let count = bytes.number(at: record + 32, as: UInt64.self).flatMap({ Int(exactly: $0) }),
        let start = bytes.number(at: record + 48, as: UInt64.self).flatMap({ Int(exactly: $0) })
      else { return nil }
      return (start, count)
    }
    return (Int(narrowStart), Int(narrowCount))
  }
}
