/// The header of an npy file: element type and shape, written as a Python dictionary.
struct NumPyHeader {
  /// NumPy's name of the element type.
  let descriptor: String
  let shape: [Int]
  var isFortranOrder = false

  /// Magic, version 1.0, length and text, padded so that the elements start at a multiple of 64 bytes.
  var bytes: [UInt8] {
    let axes = shape.count == 1 ? "\(shape[0])," : shape.map(String.init).joined(separator: ", ")
    let text = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(axes)), }"
    let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
    var record = LittleEndianBytes()
    record.append(UInt8(0x93))
    record.append("NUMPY")
    record.append(UInt16(1))  // version 1.0
    record.append(UInt16(text.utf8.count + padding + 1))
    record.append(text + String(repeating: " ", count: padding) + "\n")
    return record.bytes
  }
}

extension NumPyHeader {
  /// Reads the header at the start of an npy file, and where the elements start; `nil` when it is none.
  static func read(_ bytes: [UInt8]) -> (header: NumPyHeader, end: Int)? {
    guard bytes.starts(with: [0x93] + Array("NUMPY".utf8)), let version = bytes.number(at: 6, as: UInt8.self) else {
      return nil
    }
    let wide = version > 1
    guard 1...3 ~= version,
      let length = wide
        ? bytes.number(at: 8, as: UInt32.self).map(Int.init) : bytes.number(at: 8, as: UInt16.self).map(Int.init)
    else { return nil }
    let start = wide ? 12 : 10
    guard length <= bytes.count - start else { return nil }
    guard let header = parse(String(decoding: bytes[start..<start + length], as: UTF8.self)) else { return nil }
    return (header, start + length)
  }

  /// Reads the dictionary; NumPy writes it with its keys in alphabetic order and simple values, other writers nearly so.
  private static func parse(_ text: String) -> NumPyHeader? {
    guard let order = value(of: "fortran_order", in: text), let shapeText = value(of: "shape", in: text),
      let descriptor = value(of: "descr", in: text), let quote = descriptor.first, quote == "'" || quote == "\"",
      let close = descriptor.dropFirst().firstIndex(of: quote), shapeText.first == "(",
      let end = shapeText.firstIndex(of: ")")
    else { return nil }
    let name = descriptor[descriptor.index(after: descriptor.startIndex)..<close]

    var shape: [Int] = []
    for axis in shapeText[..<end].dropFirst().split(separator: ",") {
      let digits = axis.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let length = Int(digits), length >= 0 else { return nil }
      shape.append(length)
    }
    return NumPyHeader(descriptor: String(name), shape: shape, isFortranOrder: order.hasPrefix("True"))
  }

  /// The text that follows `'key':`.
  private static func value(of key: String, in text: String) -> Substring? {
    for quote in ["'", "\""] {
      let parts = text.split(separator: quote + key + quote, maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { return parts[1].drop { $0 == " " || $0 == ":" } }
    }
    return nil
  }
}
