import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Shard files")
struct ShardFileTests {
  static let identity = Manifest.Identity(
    format: 2, version: "1", model: "m", genome: "g", regions: "r", settings: "s")

  static let units = [
    UnitResult(
      counts: .init(scored: 3, unknown: 1, padded: 2, windows: 4), codes: [0, 1, 4, 3],
      sections: ["tism/0": [1, -0.0, .nan, 4.5], "predict/0": []]),
    UnitResult(counts: .init(scored: 1, padded: 5), codes: [2], sections: ["tism/0": [0.25], "predict/0": [7]]),
  ]

  static func write(to path: String) throws {
    let writer = try ShardWriter(path: path, identity: identity, shard: 7, cut: "c")
    for unit in units { try writer.append(unit) }
    try writer.finish()
  }

  /// Whether a file passes for whole.
  static func isWhole(_ path: String) -> Bool {
    guard case .whole(let reader)? = try? ShardReader.open(path) else { return false }
    return (try? reader.check()) != nil
  }

  @Test("what cannot be read is an error that names the file, and neither missing nor damaged")
  func unreadable() throws {
    let folder = TemporaryFolder()
    guard case .missing = try ShardReader.open(folder.file("none.shard")) else {
      Issue.record("not missing")
      return
    }
    // A loop of links is there and cannot be opened.
    _ = try Shell.output("ln -s loop.shard \(folder.file("loop.shard"))")
    #expect {
      try ShardReader.open(folder.file("loop.shard"))
    } throws: {
      "\($0)".contains("loop.shard: cannot be read: Too many levels")
    }
  }

  @Test("comes back as it was written, unit by unit")
  func back() throws {
    let folder = TemporaryFolder()
    let path = folder.file("s.shard")
    try Self.write(to: path)
    guard case .whole(let reader) = try ShardReader.open(path) else {
      Issue.record("not whole")
      return
    }
    #expect(reader.record.identity == Self.identity && reader.record.shard == 7 && reader.record.cut == "c")
    #expect(reader.record.counts == .init(scored: 4, unknown: 1, padded: 7, windows: 4))
    for (number, unit) in Self.units.enumerated() {
      #expect(try reader.codes(ofUnit: number) == unit.codes)
      for (name, values) in unit.sections {
        #expect(try reader.section(name, ofUnit: number)!.map(\.bitPattern) == values.map(\.bitPattern))
      }
      #expect(try reader.section("ism/0", ofUnit: number) == nil)
    }
  }

  @Test("cut short anywhere or with any bit turned, it is not taken for whole")
  func damage() throws {
    let folder = TemporaryFolder()
    try Self.write(to: folder.file("s.shard"))
    #expect(Self.isWhole(folder.file("s.shard")) && !Self.isWhole(folder.file("absent.shard")))
    let bytes = folder.read("s.shard")
    for count in 0..<bytes.count {
      #expect(!Self.isWhole(folder.write("cut.shard", bytes.prefix(count))), "\(count) bytes")
    }
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= UInt8(1 << (index % 8))
      #expect(!Self.isWhole(folder.write("bad.shard", damaged)), "byte \(index)")
    }
  }

  @Test("is under its name only when it is complete")
  func atomic() throws {
    let folder = TemporaryFolder()
    do {
      let writer = try ShardWriter(path: folder.file("s.shard"), identity: Self.identity, shard: 7, cut: "c")
      try writer.append(Self.units[0])
      #expect(folder.names.allSatisfy { $0.hasPrefix(".s.shard.") } && folder.names.count == 1)
    }
    #expect(folder.names.isEmpty)
  }

  @Test("what differs between two runs is said in words")
  func differences() {
    func other(_ format: Int = 2, _ version: String = "1", _ parts: [String] = ["m", "g", "r", "s"])
      -> Manifest.Identity
    {
      Manifest.Identity(
        format: format, version: version, model: parts[0], genome: parts[1], regions: parts[2], settings: parts[3])
    }
    #expect(Self.identity.difference(from: other()) == nil)
    let cases = [
      (other(1), "format"), (other(2, "0"), "tismscan"), (other(2, "1", ["x", "g", "r", "s"]), "model"),
      (other(2, "1", ["m", "x", "r", "s"]), "genome"), (other(2, "1", ["m", "g", "x", "s"]), "regions"),
      (other(2, "1", ["m", "g", "r", "x"]), "settings"),
    ]
    for (other, word) in cases {
      #expect(Self.identity.difference(from: other)?.contains(word) == true)
      #expect(Self.identity.checksum != other.checksum)
    }
  }

  @Test("lists of shards are read and written as people do")
  func lists() throws {
    #expect(try ShardList.parse(["3", "5-7,9", "6"], count: 9) == [3, 5, 6, 7, 9])
    #expect(ShardList.text([3, 5, 6, 7, 9]) == "3, 5-7, 9" && ShardList.text([]).isEmpty)
    #expect(try ShardList.parse(part: "2/4", count: 11) == [2, 6, 10])
    #expect(try ShardList.parse(part: "4/4", count: 3).isEmpty)
    for text in ["", "0", "10", "3-", "-3", "5-4", "a", "1-2-3", "1,,2"] {
      #expect(throws: ScanError.self) { try ShardList.parse([text], count: 9) }
    }
    for text in ["", "3", "0/4", "5/4", "1/0", "a/b", "1/2/3"] {
      #expect(throws: ScanError.self) { try ShardList.parse(part: text, count: 9) }
    }
  }
}
