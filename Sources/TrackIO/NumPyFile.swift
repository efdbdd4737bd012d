internal import HTS

/// Reads npy and npz files: row-major arrays of the types of ``NumPyType``, stored or deflated, zip64 or not.
public enum NumPyFile {
  /// The array of an npy file.
  public static func readNPY(path: String) throws(NumPyError) -> NumPyArray {
    try array(contents(of: path), path: path, member: nil)
  }

  /// The arrays of an npz file by name (without `.npy`).
  /// - Parameter wanted: the arrays to read; all when `nil`. The others may be of any type.
  public static func readNPZ(path: String, only wanted: Set<String>? = nil) throws(NumPyError) -> [String: NumPyArray] {
    let bytes = try contents(of: path)
    var arrays: [String: NumPyArray] = [:]
    for entry in try ZipDirectory.entries(of: bytes, path: path) {
      let name = entry.name.hasSuffix(".npy") ? String(entry.name.dropLast(4)) : entry.name
      guard wanted?.contains(name) != false else { continue }
      let member = try entry.contents(in: bytes, path: path)
      arrays[name] = try array(member, path: path, member: name)
    }
    return arrays
  }

  /// Names of the arrays of an npz file, in its order.
  public static func names(path: String) throws(NumPyError) -> [String] {
    try ZipDirectory.entries(of: contents(of: path), path: path).map {
      $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : $0.name
    }
  }

  /// A one-dimensional array of texts (`|S`) of an npz file; `nil` when the file has no array of that name.
  public static func readTexts(path: String, name: String) throws(NumPyError) -> [String]? {
    let bytes = try contents(of: path)
    let entries = try ZipDirectory.entries(of: bytes, path: path)
    guard let entry = entries.first(where: { $0.name == name + ".npy" || $0.name == name }) else { return nil }
    let member = try entry.contents(in: bytes, path: path)
    guard let (header, end) = NumPyHeader.read(member) else { throw .notNPY(path: path, member: name) }
    guard header.descriptor.hasPrefix("|S"), let width = Int(header.descriptor.dropFirst(2)), width > 0 else {
      throw .unsupportedType(path: path, member: name, type: header.descriptor)
    }
    guard header.shape.count == 1, header.shape[0] == (member.count - end) / width, (member.count - end) % width == 0
    else { throw .notNPY(path: path, member: name) }
    return (0..<header.shape[0]).map { index in
      let text = member[end + index * width..<end + (index + 1) * width]
      return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private static func array(_ bytes: [UInt8], path: String, member: String?) throws(NumPyError) -> NumPyArray {
    guard let (header, end) = NumPyHeader.read(bytes) else { throw .notNPY(path: path, member: member) }
    guard let type = type(header.descriptor) else {
      throw .unsupportedType(path: path, member: member, type: header.descriptor)
    }
    guard !header.isFortranOrder || header.shape.count < 2 else { throw .fortranOrder(path: path, member: member) }
    var size = type.size
    for axis in header.shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: axis)
      guard !overflow else { throw .notNPY(path: path, member: member) }
      size = product
    }
    guard bytes.count - end == size else { throw .notNPY(path: path, member: member) }
    return NumPyArray(shape: header.shape, type: type, bytes: Array(bytes[end...]))
  }

  /// The type of that name; for single bytes the byte order says nothing.
  private static func type(_ name: String) -> NumPyType? {
    NumPyType(rawValue: name)
      ?? ["u1", "b1"].first { name.dropFirst() == $0 }.flatMap { NumPyType(rawValue: "|" + $0) }
  }

  private static func contents(of path: String) throws(NumPyError) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(HTSError) {
      try RawFile.forEachBlock(path: path) { bytes += $0 }
    } catch .cannotOpen(_, let reason) {
      throw .unreadable(path: path, reason: reason)
    } catch {
      throw .unreadable(path: path, reason: "read error")
    }
    return bytes
  }
}
