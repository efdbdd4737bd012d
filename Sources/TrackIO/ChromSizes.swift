public import Genomics

/// `chrom.sizes` files: name and length of each contig, which UCSC's tools want beside a track.
public enum ChromSizes {
  /// Writes the contigs in the order given, all or nothing.
  public static func write(contigs: [Contig], to path: String) throws(TrackError) {
    var file = try AtomicFile(path: path)
    for contig in contigs { try file.write("\(contig.name)\t\(contig.length)\n") }
    try file.commit()
  }
}
