/// FNV-1a over 64 bits: tells a damaged or truncated file from a whole one. Not meant against intent.
struct Checksum {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325
  private static let prime: UInt64 = 0x0000_0100_0000_01B3

  mutating func update(_ bytes: some Sequence<UInt8>) {
    var hash = value
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* Self.prime }
    value = hash
  }

  /// The same over little-endian words of eight bytes, then single ones: for large data. A word that changes always changes
  /// the checksum, because every step is one-to-one.
  mutating func update(wordsOf bytes: UnsafeRawBufferPointer) {
    var hash = value
    let words = bytes.count / 8
    for word in 0..<words {
      hash = (hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self))) &* Self.prime
    }
    value = hash
    update(bytes[(8 * words)...])
  }

  /// Of large data, by words.
  static func words(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    var checksum = Checksum()
    checksum.update(wordsOf: bytes)
    return checksum.value
  }

  /// Sixteen hexadecimal digits.
  var hex: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Sixteen hexadecimal digits.
  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    var checksum = Checksum()
    checksum.update(bytes)
    return checksum.hex
  }
}
