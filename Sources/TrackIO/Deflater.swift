internal import CZlib

/// A raw deflate stream in the making, as zip wants it.
final class Deflater {
  // A class: zlib keeps a pointer to the stream.
  private var stream = z_stream()

  init() {
    let code = deflateInit2_(
      &stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
    precondition(code == Z_OK, "zlib cannot start")
  }

  deinit { deflateEnd(&stream) }

  /// Takes plain bytes and gives what became of them so far.
  func deflate(_ bytes: [UInt8]) -> [UInt8] { run(bytes, Z_NO_FLUSH) }

  /// The rest of the stream.
  func finish() -> [UInt8] { run([], Z_FINISH) }

  private func run(_ bytes: [UInt8], _ flush: CInt) -> [UInt8] {
    var input = bytes
    var output: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    input.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      repeat {
        let room = block.count
        let left = block.withUnsafeMutableBufferPointer { block in
          stream.next_out = block.baseAddress
          stream.avail_out = UInt32(room)
          _ = CZlib.deflate(&stream, flush)
          return Int(stream.avail_out)
        }
        output += block[..<(room - left)]
      } while stream.avail_out == 0
    }
    return output
  }
}
