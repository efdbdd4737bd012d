import CBigWig
import Genomics
import Glibc
import TestSupport
import Testing
import TrackIO

@Suite("bigBed writer")
struct BigBedWriterTests {
  let folder = TemporaryFolder()

  static let contigs = ["1", "10", "2", "none", "z"].enumerated().map {
    Contig(name: $1, length: [400_000, 1, 30_000, 500, 2000][$0])
  }
  static let schema = BEDSchema(
    name: "sites", comment: "Called sites",
    extraColumns: [
      BEDSchema.Column(type: "float", name: "logit", comment: "Score at the site"),
      BEDSchema.Column(type: "string", name: "gene", comment: "Nearest gene"),
    ])

  /// Rows in order, some over one another, some alike, with one that covers a contig.
  static func rows(seed: UInt64, count: Int) -> [BEDRecord] {
    var random = SplitMix64(seed: seed)
    return contigs.filter { $0.name != "none" }.flatMap { contig in
      (0..<max(1, count * contig.length / 400_000)).map { number in
        let start = number == 0 ? 0 : Int.random(in: 0..<contig.length, using: &random)
        let end = number == 0 ? contig.length : min(contig.length, start + Int.random(in: 1...900, using: &random))
        return BEDRecord(
          interval: Interval(contig: contig.name, start: start, end: end), name: "item\(number)",
          score: Int.random(in: 0...1000, using: &random), strand: [.plus, .minus, nil][number % 3],
          extra: ["\(number).5", String(repeating: "g", count: 1 + number % 300)])
      }.sorted { ($0.interval.start, $0.interval.end) < ($1.interval.start, $1.interval.end) }
    }
  }

  private func write(_ rows: [BEDRecord], schema: BEDSchema = schema, workers: Int = 1) throws -> String {
    let path = folder.file("x.bb")
    var writer = try BigBedWriter(path: path, contigs: Self.contigs, schema: schema, workers: workers)
    for row in rows { try writer.append(row) }
    try writer.finish()
    #expect(folder.names == ["x.bb"])
    return path
  }

  private func text(_ row: BEDRecord) -> String {
    ([row.name, "\(row.score)", row.strand?.symbol ?? "."] + row.extra).joined(separator: "\t")
  }

  @Test("libBigWig reads back every row", arguments: [0, 40, 5000])
  func rows(count: Int) throws {
    let rows = count == 0 ? [] : Self.rows(seed: 1, count: count)
    let path = try write(rows)
    // A pointer to a Swift string lives as long as the call: not inside a macro, which takes it out of the call.
    let isBigBed = bbIsBigBed(path, nil)
    #expect(isBigBed == 1)
    let opened = bbOpen(path, nil)
    let file = try #require(opened)
    defer { bwClose(file) }
    for contig in Self.contigs {
      let expected = rows.filter { $0.interval.contig == contig.name }
      guard let found = bbGetOverlappingEntries(file, contig.name, 0, UInt32(contig.length), 1) else {
        #expect(expected.isEmpty)
        continue
      }
      defer { bbDestroyOverlappingEntries(found) }
      let entries = (0..<Int(found.pointee.l)).map { item in
        (Int(found.pointee.start[item]), Int(found.pointee.end[item]), String(cString: found.pointee.str[item]!))
      }
      #expect(entries.map(\.0) == expected.map(\.interval.start) && entries.map(\.1) == expected.map(\.interval.end))
      #expect(entries.map(\.2) == expected.map(text))
    }
    let sql = try #require(bbGetSQL(file))
    defer { free(sql) }
    #expect(String(cString: sql) == Self.schema.autoSql)
  }

  @Test("the container, and zoom levels and summary of the depth", arguments: [0, 40, 5000])
  func container(count: Int) throws {
    let rows = count == 0 ? [] : Self.rows(seed: 2, count: count)
    _ = try write(rows)
    let file = try BBIReader(folder.read("x.bb"), magic: 0x8789_F2EB)
    #expect(file.contigs == Self.contigs && file.dataCount == rows.count && file.columns == (8, 6))
    #expect(file.autoSql == Self.schema.autoSql)

    var found: [String] = []
    for block in file.blocks {
      var rest = block.bytes[...]
      var number = 0
      while !rest.isEmpty {
        let words = BBIReader.words(Array(rest.prefix(12)))
        #expect(Int(words[0]) == block.contig && Int(words[1]) >= block.start && Int(words[2]) <= block.end)
        let text = rest.dropFirst(12).prefix { $0 != 0 }
        found.append("\(words[0]) \(words[1]) \(words[2]) \(String(decoding: text, as: UTF8.self))")
        rest = rest.dropFirst(13 + text.count)
        number += 1
      }
      #expect(1...512 ~= number)
    }
    let expected = rows.map { row in
      let contig = Self.contigs.firstIndex { $0.name == row.interval.contig }!
      return "\(contig) \(row.interval.start) \(row.interval.end) \(text(row))"
    }
    #expect(found == expected)

    var depth = Self.contigs.map { [Float](repeating: 0, count: $0.length) }
    for row in rows {
      let contig = Self.contigs.firstIndex { $0.name == row.interval.contig }!
      for position in row.interval.start..<row.interval.end { depth[contig][position] += 1 }
    }
    let present = depth.joined().filter { $0 > 0 }.map { Double($0) }
    #expect(file.covered == present.count)
    #expect(
      file.summary == [
        present.min() ?? 0, present.max() ?? 0, present.reduce(0, +), present.reduce(0) { $0 + $1 * $1 },
      ])
    #expect(count < 5000 || !file.zooms.isEmpty)
    let values = depth.map { $0.map { $0 == 0 ? .nan : $0 } }
    for zoom in file.zooms {
      let naive = BBIReader.naiveRecords(values, reduction: zoom.reduction)
      #expect(naive.count == zoom.records.count && zip(naive, zoom.records).allSatisfy { $0.agrees(with: $1) })
    }
  }

  @Test("the same bytes for one, two and five workers")
  func workers() throws {
    let rows = Self.rows(seed: 3, count: 20_000)
    _ = try write(rows)
    let one = folder.read("x.bb")
    for workers in [2, 5] {
      _ = try write(rows, workers: workers)
      #expect(folder.read("x.bb") == one)
    }
  }

  @Test("BED3 has no further columns; a row longer than a block is one", arguments: [0, 200_000])
  func odd(size: Int) throws {
    let schema = BEDSchema(name: "spans", comment: "Spans", standardColumns: size == 0 ? 3 : 4)
    let name = String(repeating: "n", count: size)
    let rows = Self.rows(seed: 4, count: 10).map { BEDRecord(interval: $0.interval, name: name) }
    let path = try write(rows, schema: schema)
    let opened = bbOpen(path, nil)
    let file = try #require(opened)
    defer { bwClose(file) }
    #expect(file.pointee.hdr.pointee.fieldCount == (size == 0 ? 3 : 4))
    #expect(file.pointee.hdr.pointee.definedFieldCount == (size == 0 ? 3 : 4))
    let entries = bbGetOverlappingEntries(file, "1", 0, 400_000, 1)
    let found = try #require(entries)
    defer { bbDestroyOverlappingEntries(found) }
    #expect(Int(found.pointee.l) == rows.filter { $0.interval.contig == "1" }.count)
    #expect(String(cString: found.pointee.str[0]!) == name)
  }

  @Test("a writer that is dropped and a contig that is too long leave nothing")
  func dropped() throws {
    do {
      var writer = try BigBedWriter(path: folder.file("x.bb"), contigs: Self.contigs, schema: Self.schema)
      for row in Self.rows(seed: 5, count: 3000) { try writer.append(row) }
    }
    let huge = [Contig(name: "huge", length: 1 << 32)]
    #expect(throws: TrackError.contigTooLong(path: folder.file("x.bb"), contig: "huge", limit: 1 << 32)) {
      _ = try BigBedWriter(path: folder.file("x.bb"), contigs: huge, schema: Self.schema)
    }
    #expect(folder.names.isEmpty)
  }
}
