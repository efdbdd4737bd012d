internal import CHTSlib
import Glibc

/// Tabix indexes of bgzipped BED and bedGraph files.
public enum Tabix {
  /// The kind of index, which is also the file name's ending.
  public enum Kind: String, Sendable { case tbi, csi }

  /// The index that can hold contigs of up to `length` bases: `.tbi` ends at 2^29, `.csi` of htslib at 2^32; `nil` beyond.
  public static func kind(forContigsUpTo length: Int) -> Kind? {
    length < 1 << 29 ? .tbi : length < 1 << 32 ? .csi : nil
  }

  /// Indexes the bgzipped, sorted BED or bedGraph file `path` into `indexPath`.
  public static func index(path: String, into indexPath: String, kind: Kind) throws(HTSError) {
    HTS.quiet
    var columns = tbx_conf_bed
    guard tbx_index_build3(path, indexPath, kind == .tbi ? 0 : 14, 0, &columns) == 0 else {
      throw .indexFailed(path: path)
    }
  }
}
