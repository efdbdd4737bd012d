import GenomeIO
import Genomics
import TestSupport
import Testing

@Suite("Genes in GFF files")
struct GeneFileTests {
  private static let contigs = [Contig(name: "chr1", length: 100), Contig(name: "two words", length: 50)]

  private static func line(_ contig: String, _ type: String, _ start: Int, _ end: Int) -> String {
    "\(contig)\tsource\t\(type)\t\(start)\t\(end)\t.\t-\t0\tID=x;note=a b\n"
  }

  @Test("coding features, counted from 1 with their ends, become half-open intervals; other lines are skipped")
  func reads() throws {
    let folder = TemporaryFolder()
    let text =
      "##gff-version 3\n#comment\n\n" + Self.line("chr1", "gene", 1, 90) + Self.line("chr1", "CDS", 1, 9)
      + Self.line("two words", "CDS", 50, 50) + Self.line("chr1", "CDS", 5, 100) + "##FASTA\n>chr1\nACGT\n"
    let wanted = [
      Interval(contig: "chr1", start: 0, end: 9), Interval(contig: "two words", start: 49, end: 50),
      Interval(contig: "chr1", start: 4, end: 100),
    ]
    let plain = folder.write("a.gff", text)
    #expect(try GeneFile.codingIntervals(path: plain, contigs: Self.contigs) == wanted)
    folder.write("b.gff", text.replacing("\n", with: "\r\n"))
    #expect(try GeneFile.codingIntervals(path: folder.file("b.gff"), contigs: Self.contigs) == wanted)
    _ = try Shell.output("gzip -k \(plain)")
    #expect(try GeneFile.codingIntervals(path: plain + ".gz", contigs: Self.contigs) == wanted)
  }

  @Test("what is wrong names the file, the line and the reason")
  func errors() throws {
    let folder = TemporaryFolder()
    let cases: [(String, RegionFileError.Problem)] = [
      ("chr1\t1\t9\n", .notGFF(columns: 3)),
      (Self.line("chr2", "CDS", 1, 2), .unknownContig(name: "chr2", suggestion: nil)),
      (Self.line("1", "CDS", 1, 2), .unknownContig(name: "1", suggestion: "chr1")),
      (Self.line("chr1", "CDS", 0, 2), .negativeStart(-1)),
      (Self.line("chr1", "CDS", 9, 2), .endBeforeStart(start: 9, end: 2)),
      (Self.line("chr1", "CDS", 9, 101), .pastEnd(end: 101, contig: "chr1", contigLength: 100)),
      ("chr1\t.\tCDS\tx\t9\t.\t+\t0\n", .notANumber(column: 4, text: "x")),
    ]
    for (number, (line, problem)) in cases.enumerated() {
      let path = folder.write("\(number).gff", "#\n" + line)
      #expect(throws: RegionFileError.badLine(path: path, line: 2, problem)) {
        try GeneFile.codingIntervals(path: path, contigs: Self.contigs)
      }
    }
    #expect(throws: RegionFileError.missing(path: folder.file("none"))) {
      try GeneFile.codingIntervals(path: folder.file("none"), contigs: Self.contigs)
    }
  }
}
