import Genomics
import TestSupport
import Testing
import TrackIO

@Suite("NumPy files")
struct NPZTests {
  let folder = TemporaryFolder()
  static let both: [NPZWriter.Compression] = [.stored, .deflated]

  /// Writes one array of every kind, one of them in pieces.
  private func write(_ path: String, _ compression: NPZWriter.Compression) throws {
    var random = SplitMix64(seed: 6)
    var writer = try NPZWriter(path: path, compression: compression)
    try writer.add(name: "floats", shape: [2, 3], floats: [0, -0.0, 1.5, .nan, -.infinity, .leastNonzeroMagnitude])
    try writer.add(name: "doubles", shape: [3], doubles: [.pi, -1e300, 0])
    try writer.add(name: "bytes", shape: [2, 2, 1], bytes: [0, 255, 4, 1])
    try writer.add(name: "integers", shape: [1, 2], integers: [.min, .max])
    try writer.add(name: "scalar", shape: [], doubles: [7])
    try writer.add(name: "nothing", shape: [0, 4], floats: [])
    try writer.begin(name: "pieces", shape: [1000, 700], type: .float32)
    for count in [0, 1, 699_998, 1] { try writer.append(random.floats(count: count)) }
    try writer.end()
    try writer.begin(name: "flags", shape: [3], type: .boolean)
    try writer.append([1, 0, 1] as [UInt8])
    try writer.end()
    try writer.finish()
  }

  @Test("what was written is read, bit for bit", arguments: both)
  func roundTrip(compression: NPZWriter.Compression) throws {
    let path = folder.file("x.npz")
    try write(path, compression)
    let arrays = try NumPyFile.readNPZ(path: path)
    #expect(arrays.count == 8)
    let floats = try #require(arrays["floats"])
    #expect(floats.shape == [2, 3] && floats.type == .float32)
    let expected: [Float] = [0, -0.0, 1.5, .nan, -.infinity, .leastNonzeroMagnitude]
    #expect(floats.floats.map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(arrays["doubles"]?.values == [.pi, -1e300, 0])
    #expect(arrays["bytes"]?.shape == [2, 2, 1])
    #expect(arrays["bytes"]?.values == [0, 255, 4, 1])
    #expect(arrays["integers"]?.integers == [.min, .max])
    #expect(arrays["scalar"]?.shape == [])
    #expect(arrays["scalar"]?.values == [7])
    #expect(arrays["nothing"]?.shape == [0, 4])
    #expect(arrays["flags"]?.type == .boolean)
    #expect(arrays["flags"]?.values == [1, 0, 1])
    var random = SplitMix64(seed: 6)
    #expect(arrays["pieces"]?.floats == random.floats(count: 700_000))
    #expect(folder.names == ["x.npz"])
  }

  @Test("two writes make the same bytes; deflate makes fewer")
  func reproducible() throws {
    var sizes: [Int] = []
    for compression in Self.both {
      try write(folder.file("a"), compression)
      try write(folder.file("b"), compression)
      #expect(folder.read("a") == folder.read("b"))
      sizes.append(folder.read("a").count)
    }
    #expect(sizes[1] < sizes[0])
  }

  /// Python's zip reader checks every member's CRC; NumPy itself reads the samples of `Tests/validators`.
  @Test("python's zipfile takes every member", arguments: both)
  func python(compression: NPZWriter.Compression) throws {
    let path = folder.file("x.npz")
    try write(path, compression)
    #expect(try Shell.output("python3 -m zipfile -t \(path)").contains("Done testing"))
  }

  @Test("a dropped writer leaves nothing")
  func dropped() throws {
    do {
      var writer = try NPZWriter(path: folder.file("x.npz"))
      try writer.begin(name: "a", shape: [3], type: .float32)
      try writer.append([1] as [Float])
    }
    #expect(folder.names.isEmpty)
  }

  @Test("a file cut or changed anywhere is an error, never a crash or a wrong value", arguments: both)
  func damage(compression: NPZWriter.Compression) throws {
    let path = folder.file("x.npz")
    var writer = try NPZWriter(path: path, compression: compression)
    try writer.add(name: "a", shape: [5], floats: [1, 2, 3, 4, 5])
    try writer.add(name: "b", shape: [2], bytes: [1, 2])
    try writer.finish()
    let whole = folder.read("x.npz")
    let arrays = try NumPyFile.readNPZ(path: path)
    for length in 0..<whole.count {
      folder.write("cut.npz", whole[..<length])
      #expect(throws: NumPyError.self) { try NumPyFile.readNPZ(path: folder.file("cut.npz")) }
    }
    for position in whole.indices {
      for flip in [UInt8(0xFF), 1, 0x80] {
        var changed = whole
        changed[position] ^= flip
        let path = folder.write("changed.npz", changed)
        // Names, dates and version numbers are not protected by a checksum; the elements are.
        guard let read = try? NumPyFile.readNPZ(path: path) else { continue }
        for array in read.values { #expect(arrays.values.contains(array), "byte \(position)") }
      }
    }
  }

  /// The header of an npy file as other writers may put it, with its elements.
  private func npy(_ dictionary: String, _ elements: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let count = dictionary.utf8.count
    let length: [UInt8] = [UInt8(count & 255), UInt8(count >> 8)] + (version > 1 ? [0, 0] : [])
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(dictionary.utf8) + elements
  }

  @Test("headers of other writers: key order, quotes, long shapes, version 2")
  func headers() throws {
    let one: [UInt8] = [0, 0, 128, 63]
    for (text, shape, version) in [
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", [1], UInt8(1)),
      ("{\"shape\": (1, 1), \"fortran_order\": False, \"descr\": \"<f4\"}", [1, 1], 2),
      ("{'fortran_order':False,'descr':'<f4','shape':()}", [], 3),
      ("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", [1], 1),
    ] {
      let array = try NumPyFile.readNPY(path: folder.write("x.npy", npy(text, one, version: version)))
      #expect(array.shape == shape)
      #expect(array.values == [1])
    }
  }

  @Test("every error has its exact case")
  func errors() throws {
    func read(_ dictionary: String, _ elements: [UInt8] = []) throws -> NumPyArray {
      try NumPyFile.readNPY(path: folder.write("x.npy", npy(dictionary, elements)))
    }
    let path = folder.file("x.npy")
    #expect(throws: NumPyError.unreadable(path: folder.file("no"), reason: "No such file or directory")) {
      try NumPyFile.readNPY(path: folder.file("no"))
    }
    #expect(throws: NumPyError.fortranOrder(path: path, member: nil)) {
      try read("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 2), }", [1, 2])
    }
    for type in ["<f2", ">f4", "|O", "<U3", "|S3", "<c8"] {
      #expect(throws: NumPyError.unsupportedType(path: path, member: nil, type: type)) {
        try read("{'descr': '\(type)', 'fortran_order': False, 'shape': (1,), }", [1, 2])
      }
    }
    let bad = [
      "", "{}", "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "{'descr': '|u1', 'shape': (2,), }",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (-2,), }",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2", "{'descr': [('a', '<f4')], 'shape': (2,)}",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 9), }",
    ]
    for text in bad {
      #expect(throws: NumPyError.notNPY(path: path, member: nil)) { try read(text, [1, 2]) }
    }
    for text in ["", "PK", "not a zip file at all, but long enough to hold the last record of one"] {
      let path = folder.write("x.npz", text)
      #expect(throws: NumPyError.notNPZ(path: path)) { try NumPyFile.readNPZ(path: path) }
    }
  }
}
