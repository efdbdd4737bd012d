import Genomics
import TestSupport
import Testing
import TrackIO

@Suite("bedGraph writer")
struct BedGraphWriterTests {
  let folder = TemporaryFolder()

  private func write(_ track: TrackCase, to path: String) throws {
    var writer = try BedGraphWriter(path: path, contigs: TrackCase.contigs)
    try track.write(to: &writer)
    try writer.finish()
  }

  /// The lines of a bgzipped bedGraph: contig, start, end, value.
  private func lines(_ path: String) throws -> [(contig: String, start: Int, end: Int, value: String)] {
    try Shell.output("bgzip -dc \(path)").split(separator: "\n").map { line in
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      try #require(columns.count == 4)
      return (columns[0], try #require(Int(columns[1])), try #require(Int(columns[2])), columns[3])
    }
  }

  @Test("every value reads back bit for bit, in maximal runs, in track order", arguments: TrackCase.all)
  func roundTrip(track: TrackCase) throws {
    let path = folder.file("x.bedGraph.gz")
    try write(track, to: path)
    var values = TrackCase.contigs.map { [Float](repeating: .nan, count: $0.length) }
    var last = (contig: -1, end: 0, value: "")
    for line in try lines(path) {
      let contig = try #require(TrackCase.contigs.firstIndex { $0.name == line.contig })
      let value = try #require(Float(line.value))
      #expect((last.contig, last.end) <= (contig, line.start) && line.start < line.end)
      #expect((last.contig, last.end, last.value) != (contig, line.start, line.value), "a run was cut")
      for position in line.start..<line.end { values[contig][position] = value }
      last = (contig, line.end, line.value)
    }
    #expect(values.map(TrackCase.bits) == track.values.map(TrackCase.bits))
    #expect(folder.names == ["x.bedGraph.gz", "x.bedGraph.gz.tbi"])
  }

  @Test("values are shortest decimals that UCSC's and bedtools' parsers take")
  func text() throws {
    let path = folder.file("x.bedGraph.gz")
    let values: [Float] = [
      0.1, 1, -0.0, 0, 1e-5, 1e20, 16_777_216, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, 0.3,
    ]
    var writer = try BedGraphWriter(path: path, contigs: [Contig(name: "c", length: 20)])
    try writer.append(contig: 0, start: 3, values: values)
    try writer.finish()
    #expect(
      try lines(path).map(\.value) == ["0.1", "1", "0", "1e-05", "1e+20", "16777216", "1e-45", "-3.4028235e+38", "0.3"])
    #expect(try lines(path)[2].end == 7)
  }

  @Test("tabix finds what awk finds", arguments: TrackCase.all.filter { $0.seed == 0 })
  func tabix(track: TrackCase) throws {
    let path = folder.file("x.bedGraph.gz")
    try write(track, to: path)
    for (contig, start, end) in [("1", 0, 5000), ("1", 999, 1001), ("2", 2400, 2500), ("chrM", 0, 1), ("z", 5, 6)] {
      let found = try Shell.run("tabix \(path) \(contig):\(start + 1)-\(end)").output
      let expected = try lines(path).filter { $0.contig == contig && $0.start < end && $0.end > start }
        .map { "\($0.contig)\t\($0.start)\t\($0.end)\t\($0.value)\n" }.joined()
      #expect(found == expected)
    }
  }

  @Test(
    "a contig of 2^29 bases needs a .csi, one base less does not",
    arguments: [(1 << 29 - 1, "tbi"), (1 << 29, "csi"), (3 << 30, "csi")])
  func longContigs(length: Int, ending: String) throws {
    let path = folder.file("x.bedGraph.gz")
    var writer = try BedGraphWriter(
      path: path, contigs: [Contig(name: "a", length: 10), Contig(name: "c", length: length)])
    try writer.append(contig: 1, start: 7, values: [1])
    try writer.append(contig: 1, start: length - 2, values: [2, 3])
    try writer.finish()
    #expect(folder.names == ["x.bedGraph.gz", "x.bedGraph.gz.\(ending)"])
    #expect(try Shell.output("tabix \(path) c:\(length)-\(length)") == "c\t\(length - 1)\t\(length)\t3\n")
  }

  @Test("an infinity, a dropped writer, a missing folder and a contig of 2^32 bases leave what was there")
  func failures() throws {
    let path = folder.write("x.bedGraph.gz", "what was there")
    do {
      var writer = try BedGraphWriter(path: path, contigs: TrackCase.contigs)
      #expect(throws: TrackError.infinite(path: path, contig: "1", position: 1)) {
        try writer.append(contig: 0, start: 0, values: [1, -.infinity])
      }
      #expect(throws: TrackError.discarded(path: path)) { try writer.append(contig: 0, start: 9, values: [1]) }
    }
    do {
      var writer = try BedGraphWriter(path: path, contigs: TrackCase.contigs)
      try TrackCase(.dense, seed: 0).write(to: &writer)
    }
    #expect(folder.names == ["x.bedGraph.gz"])
    #expect(folder.read("x.bedGraph.gz") == Array("what was there".utf8))
    #expect(throws: TrackError.cannotCreate(path: folder.file("no/x.gz"), reason: "No such file or directory")) {
      _ = try BedGraphWriter(path: folder.file("no/x.gz"), contigs: TrackCase.contigs)
    }
    #expect(throws: TrackError.contigTooLong(path: path, contig: "huge", limit: 1 << 32)) {
      _ = try BedGraphWriter(path: path, contigs: [Contig(name: "huge", length: 1 << 32)])
    }
  }
}
