import Attribution
import GenomeIO
import Genomics
import TestSupport
import Testing

@testable import ScanPipeline

@Suite("Circular contigs")
struct CircularTests {
  /// How a ring is scored.
  enum Kind: CaseIterable, Sendable {
    case positions, unstranded, grid, central, mean, first

    func model() throws -> ScanModel {
      switch self {
      case .positions: try StrandTests.filter.model(offset: 2)
      case .unstranded: try StrandTests.filter.model(strands: .unstranded)
      default: try windowModel(length: 24)
      }
    }
  }

  /// Tracks of a scan, by name.
  private static func tracks(
    _ contigs: [(name: String, bases: String)], _ kind: Kind, circular: [String], regions: [Range<Int>] = [],
    _ change: (inout ScanRequest) -> Void = { _ in }
  ) async throws -> [String: [String: [Float]]] {
    let fixture = try ScanFixture(contigs)
    let request = fixture.request("run") {
      $0.methods = [.predict, .tism, .ism]
      $0.circular = circular
      $0.audit = 0
      $0.regionStrings = regions.map { "ring:\($0.lowerBound + 1)-\($0.upperBound)" }
      switch kind {
      case .positions, .unstranded, .grid: break
      case .central: ($0.windowAt, $0.overlap) = (.center, .central)
      case .mean: ($0.windowAt, $0.overlap) = (.center, .mean)
      case .first: ($0.windowAt, $0.overlap) = (.center, .first)
      }
      change(&$0)
    }
    try await fixture.run(request, try kind.model())
    let files = try Shell.output("ls \(fixture.folder.file("run"))").split(separator: "\n").map(String.init)
    let stems = files.filter { $0.hasSuffix(".bedGraph.gz") }.map { String($0.dropLast(".bedGraph.gz".count)) }
    return Dictionary(uniqueKeysWithValues: try stems.map { ($0, try fixture.track("run", $0)) })
  }

  /// The grid of windows repeats with the ring when the step (12) divides its length; rings may be shorter than a window.
  @Test(
    "a ring has the values of the middle one of many laps of a line, to the bit",
    arguments: Kind.allCases.map { ($0, 720) } + [(.positions, 12), (.grid, 12)])
  func laps(kind: Kind, length: Int) async throws {
    let ring = ScanFixture.bases(length, seed: 5, unknown: length > 400 ? [300..<310] : [])
    let laps = length > 100 ? 3 : 31
    let middle = laps / 2 * length..<(laps / 2 + 1) * length
    let regions = length > 100 ? [716..<720, 0..<2, 5..<8, 350..<360, 712..<718] : [10..<12, 0..<2]
    let takesRegions = ![.positions, .unstranded, .grid].contains(kind)
    // The laps of one region follow one another, so that the order of regions is the ring's.
    let unrolled = regions.flatMap { region in
      (0..<laps).map { region.lowerBound + $0 * length..<region.upperBound + $0 * length }
    }
    let own = try await Self.tracks(
      [("ring", ring), ("line", ring)], kind, circular: ["ring"], regions: takesRegions ? regions : [])
    let line = try await Self.tracks(
      [("ring", String(repeating: ring, count: laps))], kind, circular: [], regions: takesRegions ? unrolled : [])
    #expect(own.count >= 3 && own.keys == line.keys)
    for (name, track) in own {
      #expect(track["ring"]!.contains { !$0.isNaN }, "\(name)")
      #expect(track["ring"]!.map(\.bitPattern) == line[name]!["ring"]![middle].map(\.bitPattern), "\(name)")
      // The same bases as a linear contig, whose ends are padded.
      if !takesRegions { #expect(track["ring"]!.map(\.bitPattern) != track["line"]!.map(\.bitPattern), "\(name)") }
    }
  }

  @Test("checks and exact edits go round too; the bytes are the same however the work is cut", arguments: [1, 9])
  func cut(count: Int) async throws {
    let ring = ScanFixture.bases(2_400, seed: 8)
    for kind in [Kind.positions, .grid] {
      let whole = try await Self.tracks([("ring", ring)], kind, circular: ["ring"])
      let cut = try await Self.tracks([("ring", ring)], kind, circular: ["ring"]) {
        $0.cut = .count(count)
        $0.verify = 0.02
      }
      for (name, track) in whole {
        #expect(track["ring"]!.map(\.bitPattern) == cut[name]!["ring"]!.map(\.bitPattern), "\(name)")
      }
    }
  }

  @Test("GFF and GenBank files say which contigs are circular; what is neither contig nor such a file is refused")
  func topology() async throws {
    let folder = TemporaryFolder()
    folder.write(
      "a.gff",
      "##gff-version 3\nring\tx\tregion\t1\t9\t.\t+\t.\tID=a;Is_circular=true;x=y\nline\tx\tregion\t1\t9\t.\t+\t.\tID=b\n"
        + "##FASTA\n>line\nline\tx\tregion\t1\t9\t.\t+\t.\tIs_circular=true\n")
    folder.write(
      "a.gb",
      """
      LOCUS       RING                       9 bp    DNA     circular CON 09-MAR-2022
      ACCESSION   AB
      VERSION     ring
      FEATURES             Location/Qualifiers
      ORIGIN
              1 acgtacgta
      //
      LOCUS       line                       9 bp    DNA     linear   CON 09-MAR-2022
      VERSION     line
      FEATURES             Location/Qualifiers
      //

      """)
    folder.write("b.gff", "other\tx\tregion\t1\t9\t.\t+\t.\tIs_circular=true\n")
    let contigs = [Contig(name: "line", length: 9), Contig(name: "ring", length: 9)]
    for file in ["a.gff", "a.gb"] {
      #expect(try TopologyFile.circularContigs(path: folder.file(file), contigs: contigs) == ["ring"])
    }
    #expect(try TopologyFile.circularContigs(path: folder.file("b.gff"), contigs: contigs).isEmpty)
    for (given, says) in [("nowhere", "neither a contig"), (folder.file("b.gff"), "no contig of the genome circular")] {
      let error = await #expect(throws: ScanError.self) {
        _ = try await Self.tracks([("ring", "ACGTACGTACGT")], .positions, circular: [given])
      }
      #expect(error?.description.contains(says) == true)
    }
    let byFile = try await Self.tracks([("ring", "ACGTACGTAC")], .positions, circular: [folder.file("a.gff")])
    let byName = try await Self.tracks([("ring", "ACGTACGTAC")], .positions, circular: ["ring"])
    #expect(byFile.mapValues { $0["ring"]!.map(\.bitPattern) } == byName.mapValues { $0["ring"]!.map(\.bitPattern) })
  }
}
