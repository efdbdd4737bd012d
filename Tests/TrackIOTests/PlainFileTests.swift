import Genomics
import TestSupport
import Testing
import TrackIO

@Suite("Atomic files, BED and chrom.sizes")
struct PlainFileTests {
  let folder = TemporaryFolder()

  @Test("bytes in pieces of any size are the bytes of the file")
  func pieces() throws {
    var random = SplitMix64(seed: 1)
    var expected: [UInt8] = []
    var file = try AtomicFile(path: folder.file("x"))
    for size in [0, 1, 10, 65_535, 65_536, 65_537, 300_000, 3] {
      let piece = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
      try file.write(piece)
      expected += piece
    }
    #expect(folder.read("x").isEmpty)
    try file.commit()
    #expect(folder.read("x") == expected)
    #expect(folder.names == ["x"])
  }

  @Test("two writers of one name do not meet; the last to finish wins")
  func twoWriters() throws {
    var first = try AtomicFile(path: folder.file("x"))
    var second = try AtomicFile(path: folder.file("x"))
    #expect(first.temporaryPath != second.temporaryPath)
    try first.write("first")
    try second.write("second")
    try second.commit()
    #expect(folder.read("x") == Array("second".utf8))
    try first.commit()
    #expect(folder.read("x") == Array("first".utf8))
    #expect(folder.names == ["x"])
  }

  @Test("of two that are new only the first gets the name")
  func new() throws {
    var first = try AtomicFile(path: folder.file("x"))
    var second = try AtomicFile(path: folder.file("x"))
    try first.write("first")
    try second.write("second")
    #expect(try second.commitIfNew())
    #expect(try !first.commitIfNew())
    #expect(folder.read("x") == Array("second".utf8))
    #expect(folder.names == ["x"])
  }

  @Test("a file that is dropped leaves what was there")
  func dropped() throws {
    let path = folder.write("x", "old")
    do {
      var file = try AtomicFile(path: path)
      try file.write("new")
    }
    #expect(folder.read("x") == Array("old".utf8))
    #expect(folder.names == ["x"])
  }

  @Test("a folder in place of the file, and no folder for it")
  func cannotCreate() {
    for path in [folder.path, folder.path + "/"] {
      #expect(throws: TrackError.cannotCreate(path: path, reason: "it is a folder")) { _ = try AtomicFile(path: path) }
    }
    #expect(throws: TrackError.cannotCreate(path: folder.file("no/x"), reason: "No such file or directory")) {
      _ = try AtomicFile(path: folder.file("no/x"))
    }
  }

  @Test("chrom.sizes")
  func chromSizes() throws {
    try ChromSizes.write(contigs: [Contig(name: "b", length: 5), Contig(name: "a", length: 0)], to: folder.file("x"))
    #expect(folder.read("x") == Array("b\t5\na\t0\n".utf8))
  }

  @Test("BED lines as bedtools takes them")
  func bed() throws {
    let path = folder.file("x.bed")
    var writer = try BEDWriter(path: path, contigs: TrackCase.contigs)
    let interval = Interval(contig: "10", start: 0, end: 1)
    try writer.append(
      BEDRecord(interval: Interval(contig: "1", start: 5, end: 9), name: "a", score: 1000, strand: .minus))
    try writer.append(BEDRecord(interval: interval))
    try writer.append(BEDRecord(interval: interval, name: "b", strand: .plus))
    try writer.finish()
    #expect(folder.read("x.bed") == Array("1\t5\t9\ta\t1000\t-\n10\t0\t1\t.\t0\t.\n10\t0\t1\tb\t0\t+\n".utf8))
    #expect(try Shell.output("bedtools merge -i \(path)") == "1\t5\t9\n10\t0\t1\n")

    var extended = try BEDWriter(path: folder.file("extended.bed"), contigs: TrackCase.contigs)
    try extended.append(BEDRecord(interval: interval, name: "b", strand: .plus, extra: ["1.5", "x"]))
    try extended.finish()
    #expect(folder.read("extended.bed") == Array("10\t0\t1\tb\t0\t+\t1.5\tx\n".utf8))

    var positions = try BEDWriter(path: path, contigs: TrackCase.contigs, columns: 3)
    try positions.append(BEDRecord(interval: interval, name: "unseen"))
    try positions.finish()
    #expect(folder.read("x.bed") == Array("10\t0\t1\n".utf8))
  }
}
