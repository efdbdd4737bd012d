import CBigWig
import Genomics
import TestSupport
import Testing
import TrackIO

@Suite("bigWig writer")
struct BigWigWriterTests {
  let folder = TemporaryFolder()

  @Test("libBigWig reads back every value, bit for bit", arguments: TrackCase.all)
  func roundTrip(track: TrackCase) throws {
    let path = folder.file("x.bw")
    var writer = try BigWigWriter(path: path, contigs: TrackCase.contigs)
    try track.write(to: &writer)
    try writer.finish()

    let file = try BigWigFile(path)
    #expect(file.contigs == TrackCase.contigs)
    for (contig, values) in zip(TrackCase.contigs, track.values) {
      #expect(TrackCase.bits(file.values(of: contig)) == TrackCase.bits(values), "\(contig.name)")
    }
    #expect(folder.names == ["x.bw"])
  }

  @Test("the total summary is that of the values", arguments: TrackCase.all.filter { $0.texture != .tiny })
  func summary(track: TrackCase) throws {
    let path = folder.file("x.bw")
    var writer = try BigWigWriter(path: path, contigs: TrackCase.contigs)
    try track.write(to: &writer)
    try writer.finish()

    let present = track.values.joined().filter { !$0.isNaN }.map { Double($0) }
    let header = try BigWigFile(path).header
    #expect(header.version == 4)
    #expect(header.nBasesCovered == UInt64(present.count))
    #expect(header.indexOffset > 0)
    guard !present.isEmpty else {
      #expect(header.minVal == 0 && header.maxVal == 0)
      return
    }
    #expect(header.minVal == present.min())
    #expect(header.maxVal == present.max())
    #expect(abs(header.sumData - present.reduce(0, +)) < 1e-6 * Double(present.count))
    #expect(abs(header.sumSquared - present.reduce(0) { $0 + $1 * $1 }) < 1e-6 * max(1, header.sumSquared))
  }

  @Test("the same values in other pieces are the same file")
  func pieces() throws {
    let track = TrackCase(.gappy, seed: 4)
    var whole = try BigWigWriter(path: folder.file("whole.bw"), contigs: TrackCase.contigs)
    for (contig, values) in track.values.enumerated() { try whole.append(contig: contig, start: 0, values: values) }
    try whole.finish()
    var pieces = try BigWigWriter(path: folder.file("pieces.bw"), contigs: TrackCase.contigs)
    try track.write(to: &pieces)
    try pieces.finish()
    #expect(folder.read("whole.bw") == folder.read("pieces.bw"))
  }

  @Test("dense values take about four bytes a base, flat ones far less")
  func layouts() throws {
    func size(_ values: [Float]) throws -> Int {
      let contigs = [Contig(name: "c", length: values.count)]
      var writer = try BigWigWriter(path: folder.file("size.bw"), contigs: contigs)
      try writer.append(contig: 0, start: 0, values: values)
      try writer.finish()
      return folder.read("size.bw").count
    }
    var random = SplitMix64(seed: 8)
    #expect(try size(random.floats(count: 200_000)) < 200_000 * 6)
    #expect(try size([Float](repeating: 1, count: 200_000)) < 50_000)
  }

  @Test("a genome of a million bases has zoom levels that agree with it")
  func zoomLevels() throws {
    let contig = Contig(name: "c", length: 1_000_000)
    var random = SplitMix64(seed: 2)
    let values = random.floats(count: contig.length)
    var writer = try BigWigWriter(path: folder.file("x.bw"), contigs: [contig])
    try writer.append(contig: 0, start: 0, values: values)
    try writer.finish()
    let file = try BigWigFile(folder.file("x.bw"))
    #expect(file.header.nLevels >= 3)
    let bins = try file.mean(of: contig, bins: 10)
    for bin in 0..<10 {
      let part = values[bin * 100_000..<(bin + 1) * 100_000].reduce(0) { $0 + Double($1) } / 100_000
      #expect(abs(bins[bin] - part) < 1e-3)
    }
  }

  @Test("an infinity is an error, discards the file and keeps what was there")
  func infinity() throws {
    let path = folder.write("x.bw", "what was there")
    for bad in [Float.infinity, -.infinity] {
      var writer = try BigWigWriter(path: path, contigs: TrackCase.contigs)
      try writer.append(contig: 0, start: 0, values: [1, 2])
      #expect(throws: TrackError.infinite(path: path, contig: "1", position: 4)) {
        try writer.append(contig: 0, start: 2, values: [1, .nan, bad])
      }
      #expect(throws: TrackError.discarded(path: path)) { try writer.append(contig: 0, start: 9, values: [1]) }
      do throws(TrackError) {
        try writer.finish()
        Issue.record("a discarded file was finished")
      } catch {
        #expect(error == .discarded(path: path))
      }
    }
    #expect(folder.names == ["x.bw"])
    #expect(folder.read("x.bw") == Array("what was there".utf8))
  }

  @Test("a writer that is dropped leaves nothing")
  func dropped() throws {
    do {
      var writer = try BigWigWriter(path: folder.file("x.bw"), contigs: TrackCase.contigs)
      try TrackCase(.dense, seed: 0).write(to: &writer)
    }
    #expect(folder.names.isEmpty)
  }

  @Test("a folder that does not exist, and a contig that is too long")
  func cannotStart() {
    let path = folder.file("no/x.bw")
    #expect(throws: TrackError.cannotCreate(path: path, reason: "No such file or directory")) {
      _ = try BigWigWriter(path: path, contigs: TrackCase.contigs)
    }
    #expect(throws: TrackError.contigTooLong(path: path, contig: "huge", limit: 1 << 32)) {
      _ = try BigWigWriter(path: path, contigs: [Contig(name: "huge", length: 1 << 32)])
    }
  }

  /// More than 256 x 256, so that both trees of the file have a third level.
  @Test("two hundred thousand contigs")
  func manyContigs() throws {
    let contigs = (0..<200_000).map { Contig(name: "c\($0)", length: 50 + $0 % 7) }.inTrackOrder()
    var writer = try BigWigWriter(path: folder.file("x.bw"), contigs: contigs)
    for number in stride(from: 0, to: contigs.count, by: 3) {
      try writer.append(contig: number, start: 5, values: [Float(number), 1, .nan, 2])
    }
    try writer.finish()
    let file = try BigWigFile(folder.file("x.bw"))
    #expect(file.contigs == contigs)
    for number in stride(from: 0, to: contigs.count, by: 9973) {
      let values = file.values(of: contigs[number])
      #expect(
        TrackCase.bits(Array(values[5..<9]))
          == TrackCase.bits(number % 3 == 0 ? [Float(number), 1, .nan, 2] : [.nan, .nan, .nan, .nan]))
    }
  }
}
