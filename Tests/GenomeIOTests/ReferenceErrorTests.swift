import GenomeIO
import Genomics
import TestSupport
import Testing

/// What is wrong with a FASTA is said by exact case: the four ways in which htslib only says "no", and stale indexes.
@Suite("Reference errors")
struct ReferenceErrorTests {
  let folder = TemporaryFolder()

  /// Sixty lines of sequence in two contigs; `first` is where a test makes its change.
  private func text(first: String = "ACGTACGTAC") -> String {
    ">a\n\(first)\nACGTACGTAC\nACG\n>b second\n" + String(repeating: "GGCCTTAAGG\n", count: 50) + ">c\nTTT\n"
  }

  private func expect(_ error: ReferenceError, opening path: String, sourceLocation: SourceLocation = #_sourceLocation)
  {
    #expect(throws: error, sourceLocation: sourceLocation) { _ = try ReferenceReader(path: path) }
  }

  @Test("a missing FASTA")
  func missingFasta() { expect(.missingFasta(path: folder.file("no.fa")), opening: folder.file("no.fa")) }

  @Test("a missing .fai, of a plain and of a bgzipped FASTA")
  func missingIndex() throws {
    let path = folder.write("x.fa", text())
    expect(.missingIndex(path: path), opening: path)
    _ = try Shell.output("bgzip -c \(path) > \(path).gz")
    expect(.missingIndex(path: path + ".gz"), opening: path + ".gz")
    #expect("\(ReferenceError.missingIndex(path: path))".contains("samtools faidx \(path)"))
  }

  @Test("a missing .gzi")
  func missingBlockIndex() throws {
    let path = folder.write("x.fa", text())
    _ = try Shell.output("bgzip \(path) && samtools faidx \(path).gz && rm \(path).gz.gzi")
    expect(.missingBlockIndex(path: path + ".gz"), opening: path + ".gz")
  }

  @Test("gzip instead of bgzip, whether or not an index lies beside it")
  func plainGzip() throws {
    let path = folder.write("x.fa", text())
    _ = try Shell.output("gzip -c \(path) > \(path).gz")
    expect(.notBgzip(path: path + ".gz"), opening: path + ".gz")
    _ = try Shell.output("samtools faidx \(path) && cp \(path).fai \(path).gz.fai")
    expect(.notBgzip(path: path + ".gz"), opening: path + ".gz")
  }

  @Test("a damaged .gzi")
  func damagedBlockIndex() throws {
    let path = folder.write("x.fa", text())
    _ = try Shell.output("bgzip \(path) && samtools faidx \(path).gz && printf 12345 > \(path).gz.gzi")
    #expect {
      _ = try ReferenceReader(path: path + ".gz")
    } throws: {
      if case .unreadable(path + ".gz", _)? = $0 as? ReferenceError { true } else { false }
    }
  }

  @Test(
    "lines of a .fai that are none",
    arguments: [
      "a\t23\t3\t10", "a\tx\t3\t10\t11", "a\t-1\t3\t10\t11",
      "a\t23\t3\t0\t0", "a\t23\t3\t10\t9", "a\t9223372036854775807\t3\t1\t2", "\t23\t3\t10\t11", "",
    ])
  func badIndexLine(line: String) {
    let path = folder.write("x.fa", text())
    folder.write("x.fa.fai", line + "\n")
    expect(.badIndexLine(path: path, line: 1), opening: path)
  }

  @Test("an empty index, and two contigs of one name")
  func emptyAndDuplicate() {
    let path = folder.write("x.fa", text())
    folder.write("x.fa.fai", "")
    expect(.noContigs(path: path), opening: path)
    folder.write("x.fa.fai", "a\t23\t3\t10\t11\na\t23\t3\t10\t11\n")
    expect(.duplicateContig(name: "a", path: path), opening: path)
  }

  /// Every change that an editor may make after `samtools faidx`, with the contig at which it is noticed at open.
  @Test(
    "a FASTA that changed after it was indexed",
    arguments: [
      ("a base inserted", ">a\nACGTACGTACC", "a"), ("a base removed", ">a\nACGTACGTA", "b"),
      ("a contig renamed", ">z\nACGTACGTAC", "a"), ("a line added before", ">new\nA\n>a\nACGTACGTAC", "a"),
      ("a description added", ">a x\nACGTACGTAC", "a"),
    ])
  func staleIndex(change: (what: String, start: String, contig: String)) throws {
    for compress in [false, true] {
      let path = folder.write("\(compress).fa", text())
      let changed = change.start + text().dropFirst(">a\nACGTACGTAC".count)
      let target = compress ? path + ".gz" : path
      _ = try Shell.output(compress ? "bgzip \(path) && samtools faidx \(target)" : "samtools faidx \(target)")
      folder.write("\(compress).fa", changed)
      if compress { _ = try Shell.output("bgzip -f \(path)") }
      #expect {
        _ = try ReferenceReader(path: target)
      } throws: {
        if case .indexDoesNotFit(target, _)? = $0 as? ReferenceError { true } else { false }
      }
    }
  }

  @Test("a truncated FASTA", arguments: [(20, "b"), (7, "c"), (2, "c")])
  func truncated(bytes: Int, contig: String) throws {
    let path = folder.write("x.fa", text())
    _ = try Shell.output("samtools faidx \(path)")
    folder.write("x.fa", String(text().dropLast(bytes)))
    expect(.indexDoesNotFit(path: path, contig: contig), opening: path)
  }

  /// A change that keeps all lengths passes the checks at open and is found where it is read.
  @Test("bytes that are no bases, and line ends out of place")
  func strangeBytes() throws {
    for first in ["ACGTA>GTAC", "ACGTA\nGTAC", "ACGTA GTAC", "ACGT1CGTAC", "ACGTEFGTAC"] {
      let path = folder.write("x.fa", text())
      _ = try Shell.output("samtools faidx \(path)")
      folder.write("x.fa", text(first: first))
      let reader = try ReferenceReader(path: path)
      #expect(throws: ReferenceError.indexDoesNotFit(path: path, contig: "a")) {
        try reader.bases(in: Interval(contig: "a", start: 0, end: 10))
      }
      #expect(try reader.bases(in: Interval(contig: "b", start: 0, end: 10)) == Array("GGCCTTAAGG".utf8))
    }
  }

  @Test("a letter where the index has a line end")
  func joinedLines() throws {
    let path = folder.write("x.fa", text())
    _ = try Shell.output("samtools faidx \(path)")
    folder.write("x.fa", text().replacing("ACGTACGTAC\nACGTACGTAC", with: "ACGTACGTACTACGTACGTAC"))
    let reader = try ReferenceReader(path: path)
    #expect(throws: ReferenceError.indexDoesNotFit(path: path, contig: "a")) {
      try reader.bases(in: Interval(contig: "a", start: 5, end: 15))
    }
  }

  @Test("a contig renamed in the middle of a thousand is found when it is read")
  func lateCheck() throws {
    func text(_ name: String) -> String { (0..<1001).map { ">\($0 == 501 ? name : "c\($0)")\nACGT\n" }.joined() }
    let path = folder.write("x.fa", text("c501"))
    _ = try Shell.output("samtools faidx \(path)")
    folder.write("x.fa", text("d501"))
    let reader = try ReferenceReader(path: path)
    #expect(throws: ReferenceError.indexDoesNotFit(path: path, contig: "c501")) {
      try reader.bases(in: Interval(contig: "c501", start: 0, end: 4))
    }
  }
}
