import Genomics
import Glibc
import TestSupport
import Testing
import TrackIO

/// Writes files for `Tests/validators/validate_tracks.py`, which reads them by Python's readers of the same formats.
///
/// Runs only when `TISMSCAN_SAMPLES` names a folder.
@Suite("Samples for the validators", .enabled(if: getenv("TISMSCAN_SAMPLES") != nil))
struct SampleTests {
  let folder = getenv("TISMSCAN_SAMPLES").map { String(cString: $0) } ?? ""

  @Test("tracks and the values they must hold", arguments: TrackCase.all)
  func tracks(track: TrackCase) throws {
    let name = "\(folder)/\(track.texture).\(track.seed)"
    var bigWig = try BigWigWriter(path: name + ".bw", contigs: TrackCase.contigs)
    try track.write(to: &bigWig)
    try bigWig.finish()
    var bedGraph = try BedGraphWriter(path: name + ".bedGraph.gz", contigs: TrackCase.contigs)
    try track.write(to: &bedGraph)
    try bedGraph.finish()
    var truth = try NPZWriter(path: name + ".npz", compression: track.seed == 0 ? .stored : .deflated)
    for (contig, values) in zip(TrackCase.contigs, track.values) {
      try truth.add(name: contig.name, shape: [contig.length], floats: values)
    }
    try truth.finish()
  }

  @Test("a track of a million bases, for the zoom levels")
  func million() throws {
    var random = SplitMix64(seed: 2)
    let contigs = [Contig(name: "c", length: 1_000_000), Contig(name: "d", length: 3_000_000)]
    var bigWig = try BigWigWriter(path: folder + "/million.0.bw", contigs: contigs, workers: 2)
    var truth = try NPZWriter(path: folder + "/million.0.npz")
    for (number, contig) in contigs.enumerated() {
      let values = random.floats(count: contig.length)
      try bigWig.append(contig: number, start: 0, values: values)
      try truth.add(name: contig.name, shape: [contig.length], floats: values)
    }
    try bigWig.finish()
    try truth.finish()
  }

  @Test("a bigBed and the rows it must hold", arguments: [1, 4000])
  func rows(count: Int) throws {
    let name = "\(folder)/rows\(count)"
    var bigBed = try BigBedWriter(
      path: name + ".bb", contigs: BigBedWriterTests.contigs, schema: BigBedWriterTests.schema, workers: 2)
    var bed = try BEDWriter(path: name + ".bed", contigs: BigBedWriterTests.contigs)
    for row in BigBedWriterTests.rows(seed: 9, count: count) {
      try bigBed.append(row)
      try bed.append(row)
    }
    try bigBed.finish()
    try bed.finish()
  }

  @Test("arrays of every type")
  func arrays() throws {
    var writer = try NPZWriter(path: folder + "/types.npz")
    try writer.add(name: "float32", shape: [2, 2], floats: [1, -2, .nan, 0.5])
    try writer.add(name: "float64", shape: [2], doubles: [1e300, .pi])
    try writer.add(name: "uint8", shape: [2, 1], bytes: [4, 255])
    try writer.add(name: "int64", shape: [2], integers: [.min, 7])
    try writer.add(name: "texts", texts: ["chr1", "", "a"])
    try writer.add(name: "scalar", shape: [], doubles: [7])
    try writer.add(name: "empty", shape: [0, 4], floats: [])
    try writer.finish()
  }
}
