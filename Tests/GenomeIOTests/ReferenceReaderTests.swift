import GenomeIO
import Genomics
import TestSupport
import Testing

@Suite("Reference reader")
struct ReferenceReaderTests {
  @Test("contigs come in file order with their lengths", arguments: TestFasta.Form.allCases)
  func contigs(form: TestFasta.Form) throws {
    let fasta = try TestFasta(form)
    let reader = try ReferenceReader(path: fasta.path)
    #expect(reader.contigs == fasta.sequences.map { Contig(name: $0.name, length: $0.letters.utf8.count) })
    #expect(reader.contig(named: "one") == Contig(name: "one", length: 1))
    #expect(reader.contig(named: "two") == nil)
  }

  @Test("every stretch of every contig is what was written", arguments: TestFasta.Form.allCases)
  func stretches(form: TestFasta.Form) throws {
    let fasta = try TestFasta(form)
    let reader = try ReferenceReader(path: fasta.path)
    var random = SplitMix64(seed: 5)
    for (name, text) in fasta.sequences {
      let letters = Array(text.utf8)
      var ends: [(Int, Int)] = [(0, letters.count), (0, 0), (letters.count, letters.count)]
      for _ in 0..<60 {
        let start = Int.random(in: 0...letters.count, using: &random)
        ends.append((start, Int.random(in: start...letters.count, using: &random)))
      }
      for start in [59, 60, 61, 119] where start + 2 <= letters.count { ends.append((start, start + 2)) }
      for (start, end) in ends {
        let interval = Interval(contig: name, start: start, end: end)
        #expect(try reader.bases(in: interval) == Array(letters[start..<end]))
        #expect(try reader.codes(in: interval) == Base.encode(letters[start..<end]))
      }
    }
  }

  @Test("bases equal those of samtools faidx", arguments: [TestFasta.Form.plain, .bgzip])
  func samtools(form: TestFasta.Form) throws {
    let fasta = try TestFasta(form)
    let reader = try ReferenceReader(path: fasta.path)
    for (start, end) in [(0, 1), (58, 62), (100, 1003), (1002, 1003)] {
      let expected = try Shell.output("samtools faidx -n 0 \(fasta.path) chr1:\(start + 1)-\(end) | tail -n +2")
      let bases = try reader.bases(in: Interval(contig: "chr1", start: start, end: end))
      #expect(String(decoding: bases, as: UTF8.self) == expected.filter { !$0.isNewline })
    }
  }

  @Test("MD5 equals the M5 tag of samtools dict", arguments: [TestFasta.Form.plain, .bgzip])
  func digests(form: TestFasta.Form) throws {
    let fasta = try TestFasta(form)
    let reader = try ReferenceReader(path: fasta.path)
    var tags: [String: String] = [:]
    for line in try Shell.output("samtools dict \(fasta.path)").split(separator: "\n").dropFirst() {
      func tag(_ name: String) -> String? {
        line.split(separator: "\t").first { $0.hasPrefix(name) }.map { String($0.dropFirst(3)) }
      }
      tags[try #require(tag("SN:"))] = tag("M5:")
    }
    for contig in reader.contigs { #expect(try reader.md5(of: contig) == tags[contig.name]) }
  }

  @Test("an unknown contig and a range past the end are named, with the other naming scheme as a hint")
  func unknown() throws {
    let fasta = try TestFasta(.plain)
    let reader = try ReferenceReader(path: fasta.path)
    #expect(throws: ReferenceError.unknownContig(name: "1", path: fasta.path, suggestion: "chr1")) {
      try reader.bases(in: Interval(contig: "1", start: 0, end: 1))
    }
    #expect(throws: ReferenceError.unknownContig(name: "MT", path: fasta.path, suggestion: "chrM")) {
      try reader.bases(in: Interval(contig: "MT", start: 0, end: 1))
    }
    #expect(throws: ReferenceError.unknownContig(name: "nothing", path: fasta.path, suggestion: nil)) {
      try reader.bases(in: Interval(contig: "nothing", start: 0, end: 1))
    }
    let late = Interval(contig: "one", start: 0, end: 2)
    #expect(throws: ReferenceError.outOfRange(late, contigLength: 1, path: fasta.path)) {
      try reader.bases(in: late)
    }
  }

  @Test("forty thousand contigs open quickly and read right")
  func manyContigs() throws {
    let folder = TemporaryFolder()
    var random = SplitMix64(seed: 9)
    let sequences = (0..<40_000).map { _ in
      String(random.bases(count: Int.random(in: 20...90, using: &random)).map { Base.letters[Int($0)] })
    }
    var path = folder.write("many.fa", sequences.enumerated().map { ">c\($0)\n\($1)\n" }.joined())
    _ = try Shell.output("bgzip \(path) && samtools faidx \(path).gz")
    path += ".gz"
    let clock = ContinuousClock()
    let start = clock.now
    let reader = try ReferenceReader(path: path)
    // Inflating a block for every contig would take ten seconds and more.
    #expect(clock.now - start < .seconds(3))
    for number in stride(from: 39_999, through: 0, by: -797) {
      let bases = try reader.bases(in: reader.contigs[number].interval)
      #expect(String(decoding: bases, as: UTF8.self) == sequences[number])
    }
  }

  @Test("the MD5 of a file is what md5sum prints")
  func fileDigest() throws {
    let folder = TemporaryFolder()
    for size in [0, 1, 1 << 18, 1 << 18 + 1, 700_000] {
      let path = folder.write("\(size)", (0..<size).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) })
      #expect(try FileDigest.md5(path: path) == Shell.output("md5sum < \(path)").prefix(32))
    }
    #expect(throws: (any Error).self) { try FileDigest.md5(path: folder.file("none")) }
  }
}
