/// Bytes in the making, numbers little-endian.
struct LittleEndianBytes {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }

  mutating func append(_ text: String) { bytes += text.utf8 }

  mutating func append(zeros count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }
}

extension Collection<UInt8> where Index == Int {
  /// The little-endian number at `offset` from the start, or `nil` when it does not lie inside.
  func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type) -> Number? {
    let width = MemoryLayout<Number>.size
    guard offset >= 0, offset <= count - width else { return nil }
    var number: Number = 0
    for byte in 0..<width { number |= Number(truncatingIfNeeded: self[startIndex + offset + byte]) << (8 * byte) }
    return number
  }
}
