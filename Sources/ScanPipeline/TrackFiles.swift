import Genomics
import TrackIO

/// One track in every format asked for. Files appear under their final names in ``finish()``.
final class TrackFiles {
  let spec: TrackSpec
  /// Names of the files in the run folder.
  let names: [String]
  private var bigWig: BigWigWriter?
  private var bedGraph: BedGraphWriter?
  /// Bases with a value.
  private(set) var count = 0

  /// - Parameter workers: cores that compress.
  init(_ spec: TrackSpec, formats: [TrackFormat], folder: String, contigs: [Contig], workers: Int = 1) throws {
    self.spec = spec
    names = formats.map { "\(spec.stem).\($0.fileExtension)" }
    bigWig =
      formats.contains(.bigwig)
      ? try BigWigWriter(path: "\(folder)/\(spec.stem).bw", contigs: contigs, workers: workers) : nil
    bedGraph =
      formats.contains(.bedgraph)
      ? try BedGraphWriter(path: "\(folder)/\(spec.stem).bedGraph.gz", contigs: contigs) : nil
  }

  func append(contig: Int, start: Int, values: [Float]) throws {
    count += values.reduce(0) { $0 + ($1.isNaN ? 0 : 1) }
    try bigWig?.append(contig: contig, start: start, values: values)
    try bedGraph?.append(contig: contig, start: start, values: values)
  }

  func finish() throws {
    if let writer = bigWig.take() { try writer.finish() }
    if let writer = bedGraph.take() { try writer.finish() }
  }
}
