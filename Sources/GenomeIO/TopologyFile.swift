public import Genomics

/// Reads which contigs are circular from a GFF3 or GenBank file, plain, gzip or bgzip.
public enum TopologyFile {
  /// Names of the circular contigs, in the order of the file: GFF features with `Is_circular=true`, GenBank records whose
  /// `LOCUS` line says `circular`. Records of other sequences than the genome's are passed over; none left is an error.
  public static func circularContigs(path: String, contigs: [Contig]) throws(RegionFileError) -> [String] {
    let names = Set(contigs.map(\.name))
    var circular: [String] = []
    /// Of a GenBank record that is circular, until its name is found.
    var record: [String]?
    try RegionLines.read(path: path) { bytes, _ throws(RegionFileError.Problem) in
      // Sequence lines begin with blanks or numbers: only what may name or describe a contig is looked at.
      guard let first = bytes.first, first != UInt8(ascii: " ") else { return true }
      let line = String(decoding: bytes, as: UTF8.self)
      if line.hasPrefix("##FASTA") { return false }
      let words = line.split(separator: " ").map(String.init)
      switch words.first {
      case "LOCUS": record = words.contains("circular") ? [words.count > 1 ? words[1] : ""] : nil
      case "ACCESSION", "VERSION": record?.append(contentsOf: words.dropFirst().prefix(1))
      case "FEATURES", "ORIGIN", "//":
        if let name = record?.last(where: names.contains), !circular.contains(name) { circular.append(name) }
        record = nil
      default:
        let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard columns.count >= 9, !line.hasPrefix("#") else { return true }
        let name = String(columns[0])
        let isCircular = columns[8].split(separator: ";").contains { $0.lowercased() == "is_circular=true" }
        if isCircular, names.contains(name), !circular.contains(name) { circular.append(name) }
      }
      return true
    }
    return circular
  }
}
