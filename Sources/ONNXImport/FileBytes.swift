internal import FoundationEssentials

/// Reading whole files, mapped where that is safe: weights may be larger than memory is free.
enum FileBytes {
  static func read(_ path: String) throws(ModelError) -> Data {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw .missingFile(path: path) }
    guard !isFolder else { throw .unreadable(path: path, reason: "it is a folder; give the .onnx file in it") }
    do {
      return try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
    } catch {
      throw .unreadable(path: path, reason: "no permission, or the disk failed")
    }
  }

  /// What to do with a file of another kind that people mistake for an ONNX model; `nil` for anything else.
  static func otherKind(_ data: Data) -> String? {
    func begins(_ bytes: [UInt8]) -> Bool { data.starts(with: bytes) }
    if begins([0x50, 0x4B, 0x03, 0x04]) || begins([0x80, 0x02]) {
      return "It looks like a PyTorch checkpoint or a .keras archive: load it in Python and export it with "
        + "torch.onnx.export or tf2onnx."
    }
    if begins([0x89, 0x48, 0x44, 0x46]) { return "It is an HDF5 file, as Keras writes: convert it with tf2onnx." }
    if begins(Array("version https://git-lfs".utf8)) { return "It is a Git LFS pointer: run git lfs pull." }
    if begins([0x1F, 0x8B]) { return "It is compressed: run gunzip first." }
    return nil
  }
}
