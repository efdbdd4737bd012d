import Genomics
import TestSupport
import Testing
import TrackIO

/// The parts of the file that libBigWig does not show: layouts, trees, zoom records.
@Suite("bigWig container")
struct BigWigContainerTests {
  let folder = TemporaryFolder()

  private func write(_ values: [[Float]], _ contigs: [Contig], workers: Int = 1) throws -> [UInt8] {
    let path = folder.file("x.bw")
    var writer = try BigWigWriter(path: path, contigs: contigs, workers: workers)
    for (contig, values) in values.enumerated() { try writer.append(contig: contig, start: 0, values: values) }
    try writer.finish()
    #expect(folder.names == ["x.bw"])
    return folder.read("x.bw")
  }

  private func read(_ values: [[Float]], _ contigs: [Contig]) throws -> BBIReader {
    try BBIReader(write(values, contigs), magic: 0x888F_FC26)
  }

  /// The values of a section, by the format's own words.
  private func add(_ block: BBIReader.Block, to values: inout [[Float]]) {
    let words = BBIReader.words(block.bytes)
    let (step, span, kind, count) = (Int(words[3]), Int(words[4]), words[5] & 0xFF, Int(words[5] >> 16))
    #expect(Int(words[0]) == block.contig && Int(words[1]) == block.start && Int(words[2]) == block.end)
    #expect(words.count == 6 + count * (kind == 1 ? 3 : kind == 2 ? 2 : 1) && 1...1024 ~= count)
    for item in 0..<count {
      let (range, value) =
        switch kind {
        case 1: (Int(words[6 + 3 * item])..<Int(words[7 + 3 * item]), words[8 + 3 * item])
        case 2: (Int(words[6 + 2 * item])..<Int(words[6 + 2 * item]) + span, words[7 + 2 * item])
        default: (block.start + item * step..<block.start + item * step + span, words[6 + item])
        }
      #expect(block.start <= range.lowerBound && range.upperBound <= block.end)
      for position in range {
        #expect(values[block.contig][position].isNaN, "two values at \(position)")
        values[block.contig][position] = Float(bitPattern: value)
      }
    }
  }

  private func check(_ values: [[Float]], _ contigs: [Contig]) throws {
    let file = try read(values, contigs)
    #expect(
      file.contigs == contigs && file.dataCount == file.blocks.count && file.columns == (0, 0) && file.autoSql == nil)
    var found = values.map { [Float](repeating: .nan, count: $0.count) }
    for block in file.blocks { add(block, to: &found) }
    #expect(found.map(TrackCase.bits) == values.map(TrackCase.bits))
    #expect(file.covered == values.joined().reduce(0) { $0 + ($1.isNaN ? 0 : 1) })
    for zoom in file.zooms {
      let naive = BBIReader.naiveRecords(values, reduction: zoom.reduction)
      #expect(naive.count == zoom.records.count && zip(naive, zoom.records).allSatisfy { $0.agrees(with: $1) })
    }
    #expect(zip(file.zooms, file.zooms.dropFirst()).allSatisfy { $0.records.count >= 2 * $1.records.count })
  }

  @Test("every byte is where the format wants it", arguments: TrackCase.all)
  func cases(track: TrackCase) throws { try check(track.values, TrackCase.contigs) }

  @Test("one contig, three, and five thousand of one base to seventy", arguments: [1, 3, 5000])
  func contigs(count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let contigs = (0..<count).map { Contig(name: "c\($0)", length: count == 5000 ? 1 + $0 % 70 : 60_000) }
      .inTrackOrder()
    let values = contigs.enumerated().map { number, contig in
      number % 5 == 4
        ? [Float](repeating: .nan, count: contig.length)
        : (0..<contig.length).map { $0 % 97 == 5 ? .nan : Float.random(in: -1..<1, using: &random) }
    }
    try check(values, contigs)
  }

  @Test("each texture takes the layout that is smallest for it")
  func layouts() throws {
    var random = SplitMix64(seed: 5)
    func kinds(_ values: [Float]) throws -> [UInt32: Int] {
      let file = try read([values], [Contig(name: "c", length: values.count)])
      return file.blocks.reduce(into: [:]) { $0[BBIReader.words($1.bytes)[5] & 0xFF, default: 0] += 1 }
    }
    // Every base another value: 1,024 a section.
    #expect(try kinds(random.floats(count: 10_240)) == [3: 10])
    // One value throughout is one item.
    #expect(try kinds([Float](repeating: 2, count: 100_000)) == [3: 1])
    // Runs of one length are one number each; of several lengths, an interval each.
    #expect(try kinds((0..<100_000).map { Float($0 / 500) }) == [3: 1])
    #expect(try kinds((0..<100_000).map { Float(($0 * $0) >> 24) }) == [1: 1])
    // Every third base, at one distance; then at random ones.
    #expect(try kinds((0..<30_000).map { $0 % 3 == 0 ? Float($0) : .nan }) == [3: 10])
    let scattered = (0..<20_000).map { _ in
      Int.random(in: 0..<3, using: &random) == 0 ? random.floats(count: 1)[0] : .nan
    }
    #expect(Set(try kinds(scattered).keys) == [2])
  }

  @Test("the same bytes for one, two and five workers, dense and sparse")
  func workers() throws {
    var random = SplitMix64(seed: 6)
    let contigs = [Contig(name: "a", length: 1_500_000), Contig(name: "b", length: 700_000)]
    let values = contigs.map { contig in
      (0..<contig.length).map { $0 % 900_000 < 400_000 ? Float.random(in: 0..<1, using: &random) : Float($0 / 5000) }
    }
    let one = try write(values, contigs)
    for workers in [2, 5] { #expect(try write(values, contigs, workers: workers) == one) }
    #expect(try BBIReader(one, magic: 0x888F_FC26).zooms.count >= 5)
  }

  @Test("zoom levels of flat values are left out where they would outweigh the data")
  func flatZooms() throws {
    let contig = Contig(name: "c", length: 2_000_000)
    let values = (0..<contig.length).map { Float($0 / 500 % 977) }
    let file = try read([values], [contig])
    #expect(file.zooms.first?.reduction ?? 0 >= 512)
    try check([values], [contig])
  }
}
