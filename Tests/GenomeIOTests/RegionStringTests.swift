import GenomeIO
import Genomics
import TestSupport
import Testing

@Suite("Region strings")
struct RegionStringTests {
  static let contigs = [
    Contig(name: "chr1", length: 300), Contig(name: "chr1:100-200", length: 50),
    Contig(name: "HLA-A*01:01", length: 40),
    Contig(name: "chr2", length: 120), Contig(name: "2", length: 70),
  ]

  private func parse(_ text: String) throws -> String {
    let interval = try RegionString.parse(text, contigs: Self.contigs)
    return "\(interval)"
  }

  @Test(
    "the forms of the samtools manual",
    arguments: [
      ("chr2", "chr2:[0, 120)"), ("chr2:100", "chr2:[99, 120)"), ("chr2:10-20", "chr2:[9, 20)"),
      ("chr2:-20", "chr2:[0, 20)"), ("chr2:0", "chr2:[0, 120)"), ("chr2:1,0-2,0", "chr2:[9, 20)"),
      ("chr2:100-500", "chr2:[99, 120)"),
      ("chr2:5-5", "chr2:[4, 5)"), ("HLA-A*01:01", "HLA-A*01:01:[0, 40)"),
      ("{HLA-A*01:01}:1-5", "HLA-A*01:01:[0, 5)"), ("HLA-A*01:01:1-5", "HLA-A*01:01:[0, 5)"),
      ("{chr1}:100-200", "chr1:[99, 200)"), ("{chr1:100-200}", "chr1:100-200:[0, 50)"),
    ])
  func forms(text: String, meaning: String) throws { #expect(try parse(text) == meaning) }

  @Test(
    "what is no region has its exact case",
    arguments: [
      ("chr1:100-200", RegionStringError.ambiguous("chr1:100-200")),
      ("chr3", .unknownContig("chr3", suggestion: nil)),
      ("1:5-6", .unknownContig("1:5-6", suggestion: "chr1")),
      ("chr2:20-10", .invalid("chr2:20-10")), ("chr2:0-5", .invalid("chr2:0-5")), ("chr2:x-y", .invalid("chr2:x-y")),
      ("chr2:5-6z", .invalid("chr2:5-6z")),
      ("chr2:121", .empty("chr2:121", contigLength: 120)), ("chr2:500-600", .empty("chr2:500-600", contigLength: 120)),
      ("", .unknownContig("", suggestion: nil)), ("{chr1", .unknownContig("{chr1", suggestion: nil)),
    ])
  func errors(text: String, error: RegionStringError) { #expect(throws: error) { try parse(text) } }

  /// Samtools is the judge: what it fetches is what the interval says, and what it refuses is refused.
  @Test("every string of a grid means what samtools faidx makes of it")
  func samtools() throws {
    let folder = TemporaryFolder()
    var random = SplitMix64(seed: 3)
    let sequences = Self.contigs.map { contig in
      (contig.name, String(random.bases(count: contig.length).map { Base.letters[Int($0)] }))
    }
    let path = folder.write("x.fa", sequences.map { ">\($0)\n\($1)\n" }.joined())
    _ = try Shell.output("samtools faidx \(path)")

    let names = [
      "chr1", "chr2", "2", "HLA-A*01:01", "{HLA-A*01:01}", "{chr1}", "{chr1:100-200}", "{chr2", "chr9", "chr1:100-200",
    ]
    let ranges = [
      "", ":", ":1", ":0", ":5", ":5-", ":-5", ":-", ":5-9", ":9-5", ":5-5", ":1,0-3,0", ":69-71", ":70", ":71", ":500",
      ":1-100000000000", ":+5-9", ": 5-9", ":5 -9", ":x", ":5-x", ":1e1-2e1", ":0-5", ":-5-9", ":5-9-12", ":5:9",
      ":1k-2k",
      ":0-0", ":--5", ":1.5-9",
    ]
    var accepted = 0
    for text in names.flatMap({ name in ranges.map { name + $0 } }) {
      let outcome = try Shell.run("samtools faidx -n 0 \(path) '\(text)'")
      let letters = outcome.output.split(separator: "\n").dropFirst().joined()
      if let interval = try? RegionString.parse(text, contigs: Self.contigs) {
        let sequence = sequences.first { $0.0 == interval.contig }!.1
        #expect(String(Array(sequence)[interval.range]) == letters, "\(text)")
        accepted += 1
      } else {
        #expect(letters.isEmpty, "\(text) gives \(letters.count) bases")
      }
    }
    #expect(accepted > 80)
  }
}
