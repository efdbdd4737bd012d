import Genomics
import Glibc
import TestSupport
import Testing
import TrackIO

/// A disk that fills up, played by a limit on the size of files in a process of its own.
@Suite("A full disk")
struct DiskFullTests {
  /// Values that no compression makes small.
  private static let values: [Float] = {
    var random = SplitMix64(seed: 3)
    return random.floats(count: 2_000_000)
  }()

  /// No file of this process may grow beyond `bytes` from now on; a write past it fails, as on a full disk.
  private static func limitFiles(to bytes: UInt) {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
    precondition(setrlimit(__rlimit_resource_t(1), &limit) == 0)  // RLIMIT_FSIZE
  }

  /// Writes all values by `write` under ever larger limits and expects an error and a folder as it was.
  private static func check(_ write: (String, [Contig]) throws -> Void) {
    let contigs = [Contig(name: "c", length: values.count)]
    for size in [4_000_000, 1_000_000, 100_000, 1000, 0] as [UInt] {
      let folder = TemporaryFolder()
      let path = folder.write("x", "")
      limitFiles(to: size)
      do {
        try write(path, contigs)
        fatalError("a limit of \(size) bytes was not noticed")
      } catch TrackError.writeFailed(path, _) {
        precondition(folder.names == ["x"] && folder.read("x").isEmpty, "left behind: \(folder.names)")
      } catch {
        fatalError("\(error)")
      }
    }
  }

  @Test("bigWig")
  func bigWig() async {
    await #expect(processExitsWith: .success) {
      DiskFullTests.check { path, contigs in
        var writer = try BigWigWriter(path: path, contigs: contigs)
        for start in stride(from: 0, to: contigs[0].length, by: 5000) {
          try writer.append(contig: 0, start: start, values: Array(DiskFullTests.values[start..<start + 5000]))
        }
        try writer.finish()
      }
    }
  }

  @Test("bigBed")
  func bigBed() async {
    await #expect(processExitsWith: .success) {
      DiskFullTests.check { path, contigs in
        let schema = BEDSchema(name: "rows", comment: "Rows", standardColumns: 4)
        var writer = try BigBedWriter(path: path, contigs: contigs, schema: schema)
        for (start, value) in DiskFullTests.values[..<1_000_000].enumerated() {
          let interval = Interval(contig: "c", start: start, end: start + 1)
          try writer.append(BEDRecord(interval: interval, name: "\(value)"))
        }
        try writer.finish()
      }
    }
  }

  @Test("bedGraph")
  func bedGraph() async {
    await #expect(processExitsWith: .success) {
      DiskFullTests.check { path, contigs in
        var writer = try BedGraphWriter(path: path, contigs: contigs)
        try writer.append(contig: 0, start: 0, values: DiskFullTests.values)
        try writer.finish()
      }
    }
  }

  @Test("npz")
  func npz() async {
    await #expect(processExitsWith: .success) {
      DiskFullTests.check { path, contigs in
        var writer = try NPZWriter(path: path)
        try writer.add(name: "a", shape: [contigs[0].length], floats: DiskFullTests.values)
        try writer.finish()
      }
    }
  }
}
