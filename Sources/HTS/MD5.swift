internal import CHTSlib
import Glibc

/// An MD5 digest in the making.
public struct MD5: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = hts_md5_init() else { fatalError("out of memory") }
    self.context = context
  }

  deinit { hts_md5_destroy(context) }

  /// Adds bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    hts_md5_update(context, base, UInt(bytes.count))
  }

  /// The digest as 32 lower-case hexadecimal digits.
  public consuming func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 16)
    hts_md5_final(&digest, context)
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
