internal import CZlib

/// Undoes raw deflate.
enum Inflater {
  /// The plain bytes of a raw deflate stream, or `nil` when it is damaged or does not give exactly `size` bytes.
  static func inflate(_ bytes: ArraySlice<UInt8>, size: Int) -> [UInt8]? {
    // Deflate makes nothing smaller than a thousandth; a larger promise is damage, not worth the memory.
    guard size <= bytes.count.multipliedReportingOverflow(by: 1100).partialValue + 1100 else { return nil }
    var stream = z_stream()
    guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
      return nil
    }
    defer { inflateEnd(&stream) }

    var input = Array(bytes)
    var output = [UInt8](repeating: 0, count: size + 1)
    var written = 0
    var code = Z_OK
    input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        var read = 0
        // zlib counts in 32 bits, hence the steps.
        while code == Z_OK, written < output.count {
          let offered = min(input.count - read, 1 << 30)
          let room = min(output.count - written, 1 << 30)
          stream.next_in = input.baseAddress.map { $0 + read }
          stream.avail_in = UInt32(offered)
          stream.next_out = output.baseAddress! + written
          stream.avail_out = UInt32(room)
          code = CZlib.inflate(&stream, Z_NO_FLUSH)
          read += offered - Int(stream.avail_in)
          written += room - Int(stream.avail_out)
        }
      }
    }
    guard code == Z_STREAM_END, written == size else { return nil }
    output.removeLast()
    return output
  }

  /// The CRC-32 of bytes, as zip has it.
  static func checksum(_ bytes: [UInt8]) -> UInt32 { UInt32(crc32_z(0, bytes, bytes.count)) }
}
