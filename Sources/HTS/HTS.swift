internal import CHTSlib
import Glibc

/// The one doorkeeper of htslib: BGZF, tabix, region strings and MD5 as safe Swift values.
///
/// ``BlockReader`` reads plain, gzip and bgzip files and seeks in the first and last kind, ``BlockWriter`` writes bgzip,
/// ``Tabix`` indexes it, ``RegionParser`` reads `chr1:100-200` exactly as samtools does, ``MD5`` digests. No htslib type is
/// in a public signature; a handle cannot be copied and closes itself.
///
/// htslib logs on standard error by itself. Every handle here silences it first: all that a person needs to know is in the
/// errors that are thrown.
public enum HTS {
  /// Silences htslib's own messages, once for the process.
  static let quiet: Void = hts_set_log_level(HTS_LOG_OFF)

  /// What the system says about its last error, for the messages of errors.
  static func systemReason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
}
