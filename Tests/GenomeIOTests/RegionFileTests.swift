import GenomeIO
import Genomics
import Glibc
import TestSupport
import Testing

@Suite("Region files")
struct RegionFileTests {
  let folder = TemporaryFolder()
  static let contigs = [Contig(name: "chr1", length: 1000), Contig(name: "chr2", length: 500)]

  private func read(_ text: String, name: String = "x.bed") throws -> [Region] {
    try RegionFile.read(path: folder.write(name, text), contigs: Self.contigs)
  }

  private func region(_ contig: String, _ start: Int, _ end: Int, line: Int) -> Region {
    Region(interval: Interval(contig: contig, start: start, end: end), line: line)
  }

  @Test("BED3 to BED6 and further columns, in file order, overlapping and repeated")
  func columns() throws {
    let regions = try read(
      """
      chr2\t10\t20
      chr1\t0\t1000\tall
      chr1\t5\t6\t.\t12.5
      chr1\t5\t6\tname with blanks\t.\t-\textra\t\tcolumns
      chr1\t5\t6\tn\t0\t.

      """)
    var expected = [
      region("chr2", 10, 20, line: 1), region("chr1", 0, 1000, line: 2), region("chr1", 5, 6, line: 3),
      region("chr1", 5, 6, line: 4), region("chr1", 5, 6, line: 5),
    ]
    expected[1].name = "all"
    expected[2].score = 12.5
    expected[3].name = "name with blanks"
    expected[3].strand = .minus
    expected[4].name = "n"
    expected[4].score = 0
    #expect(regions == expected)
  }

  @Test("comments, track and browser lines and blank lines are skipped and counted as lines")
  func skippedLines() throws {
    let text = "#x\ntrack name=x\nbrowser position chr1\n\n  \t\nchr1\t1\t2\n#chr1\t1\t2\ntrack\n"
    #expect(try read(text) == [region("chr1", 1, 2, line: 6)])
    #expect(try read("").isEmpty)
    #expect(try read("#\n\n").isEmpty)
  }

  @Test("Windows line ends, blanks for tabs, and a last line without an end")
  func separators() throws {
    #expect(
      try read("chr1\t1\t2\r\nchr1 3   4\r\nchr1\t5\t6") == [
        region("chr1", 1, 2, line: 1), region("chr1", 3, 4, line: 2), region("chr1", 5, 6, line: 3),
      ])
    #expect(try read("chr1\t1\t2\r\n\r\n").count == 1)
    #expect(try read("chr1 1 2 a 3 +\r\n")[0].strand == .plus)
  }

  @Test("plain, gzip, bgzip and many-block files read alike")
  func compression() throws {
    let text = (0..<50_000).map { "chr1\t\($0 % 900)\t\($0 % 900 + 3)\tr\($0)\n" }.joined()
    let plain = try read(text)
    #expect(plain.count == 50_000)
    for (tool, name) in [("gzip", "g.bed.gz"), ("bgzip", "b.bed.gz")] {
      _ = try Shell.output("\(tool) -c \(folder.file("x.bed")) > \(folder.file(name))")
      #expect(try RegionFile.read(path: folder.file(name), contigs: Self.contigs) == plain)
    }
  }

  @Test("- is standard input, compressed or not")
  func standardInput() async {
    await #expect(processExitsWith: .success) {
      let folder = TemporaryFolder()
      let plain = folder.write("x.bed", "chr1\t1\t2\n")
      _ = try Shell.output("bgzip -c \(plain) > \(plain).gz")
      for path in [plain, plain + ".gz"] {
        let descriptor = open(path, O_RDONLY)
        dup2(descriptor, 0)
        let regions = try RegionFile.read(path: "-", contigs: RegionFileTests.contigs)
        precondition(regions.map(\.interval) == [Interval(contig: "chr1", start: 1, end: 2)])
      }
    }
  }

  @Test("a cut gzip or bgzip file is an error")
  func truncatedCompression() throws {
    let text = (0..<50_000).map { "chr1\t\($0 % 900)\t\($0 % 900 + 3)\tr\($0 &* 2_654_435_761)\n" }.joined()
    folder.write("x.bed", text)
    for (tool, cut) in [("gzip", 100), ("bgzip", 28), ("bgzip", 1000)] {
      _ = try Shell.output("\(tool) -c \(folder.file("x.bed")) | head -c -\(cut) > \(folder.file("cut.bed.gz"))")
      let path = folder.file("cut.bed.gz")
      #expect {
        try RegionFile.read(path: path, contigs: Self.contigs)
      } throws: {
        switch $0 as? RegionFileError {
        case .truncated(path)?, .unreadable(path, _)?: true
        default: false
        }
      }
    }
  }

  @Test("the summit of a narrowPeak is an offset from the start; -1 is none")
  func summits() throws {
    let text = "chr1\t100\t200\tp\t900\t.\t1.5\t-1\t2e3\t50\nchr1\t100\t200\tp\t900\t+\t1\t1\t1\t-1\n"
    for name in ["x.narrowPeak", "x.bed", "X.NARROWPEAK"] {
      #expect(try read(text, name: name).map(\.summit) == [50, nil])
    }
    // Ten columns that are no peak, and the twelve of BED12.
    #expect(try read("chr1\t1\t9\tp\t0\t+\t1\t1\t1\t9\n").map(\.summit) == [nil])
    #expect(try read("chr1\t1\t9\tp\t0\t+\t1\t9\t0\t1\t8\t0\n").map(\.summit) == [nil])
  }

  typealias Problem = RegionFileError.Problem

  @Test(
    "every error has its exact case, file and line",
    arguments: [
      ("chr1\t5", Problem.tooFewColumns(2)),
      ("chr1", .tooFewColumns(1)),
      ("chr1,5,6", .tooFewColumns(1)),
      ("chr1\tx\t6", .notANumber(column: 2, text: "x")),
      ("chr1\t5\t6.0", .notANumber(column: 3, text: "6.0")),
      ("chr1\t+5\t6", .notANumber(column: 2, text: "+5")),
      ("chr1\t5\t 6", .notANumber(column: 3, text: " 6")),
      ("chr1\t5\t", .notANumber(column: 3, text: "")),
      ("chr1\t5\t99999999999999999999", .notANumber(column: 3, text: "99999999999999999999")),
      ("chr1\t-5\t6", .negativeStart(-5)),
      ("chr1\t6\t5", .endBeforeStart(start: 6, end: 5)),
      ("chr1\t6\t6", .zeroLength(position: 6)),
      ("chr1\t0\t0", .zeroLength(position: 0)),
      ("1\t5\t6", .unknownContig(name: "1", suggestion: "chr1")),
      ("Chr2\t5\t6", .unknownContig(name: "Chr2", suggestion: "chr2")),
      ("plasmid\t5\t6", .unknownContig(name: "plasmid", suggestion: nil)),
      ("chr1\t5\t1001", .pastEnd(end: 1001, contig: "chr1", contigLength: 1000)),
      ("chr1\t5\t6\tn\thigh", .badScore("high")),
      ("chr1\t5\t6\tn\tnan", .badScore("nan")),
      ("chr1\t5\t6\tn\t1\t*", .badStrand("*")),
    ])
  func problems(line: String, problem: Problem) {
    let path = folder.write("x.bed", "# a comment\nchr1\t1\t2\n" + line + "\nchr1\tnever\treached\n")
    let error = RegionFileError.badLine(path: path, line: 3, problem)
    #expect(throws: error) { try RegionFile.read(path: path, contigs: Self.contigs) }
    #expect("\(error)".hasPrefix("\(path):3: "))
  }

  @Test(
    "a narrowPeak by name must be one",
    arguments: [
      "", "\t1\t1\t1", "\t1\t1\t1\t9", "\t1\t1\t1\t-2", "\tx\t1\t1\t1", "\t1\t1\t1\t1.5",
    ])
  func badPeaks(end: String) {
    let path = folder.write("x.narrowPeak", "chr1\t1\t9\tp\t0\t+" + end + "\n")
    let text = end.split(separator: "\t").joined(separator: " ")
    #expect(throws: RegionFileError.badLine(path: path, line: 1, .badPeak(text))) {
      try RegionFile.read(path: path, contigs: Self.contigs)
    }
  }

  @Test("a missing file and a folder")
  func missing() {
    #expect(throws: RegionFileError.missing(path: folder.file("no.bed"))) {
      try RegionFile.read(path: folder.file("no.bed"), contigs: Self.contigs)
    }
    #expect(throws: RegionFileError.self) { try RegionFile.read(path: folder.path, contigs: Self.contigs) }
  }

  @Test("no bytes whatever crash the reader", arguments: 0..<40)
  func noise(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let alphabet: [UInt8] = Array("chr12\t\t\t\n\r 0359-+.#".utf8) + [0, 255, 128]
    let bytes = (0..<400).map { _ in alphabet.randomElement(using: &random)! }
    let path = folder.write("noise.bed", bytes)
    do {
      for region in try RegionFile.read(path: path, contigs: Self.contigs) {
        #expect(region.interval.length > 0 && region.interval.end <= 1000)
      }
    } catch {
      #expect("\(error)".contains(path))
    }
  }
}
