internal import HTS

/// The MD5 of whole files, by which a run recognises its model and its regions.
public enum FileDigest {
  /// The MD5 of the bytes of `path` as they lie on the disk, as 32 hexadecimal digits (what `md5sum` prints).
  public static func md5(path: String) throws -> String {
    var digest = MD5()
    try RawFile.forEachBlock(path: path) { digest.update($0) }
    return digest.finish()
  }
}
