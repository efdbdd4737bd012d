public import Genomics

/// What can go wrong between a FASTA file and its bases. Every message names the file and the cure.
public enum ReferenceError: Error, Equatable, Sendable {
  /// There is no such FASTA.
  case missingFasta(path: String)
  /// No `.fai` beside the FASTA.
  case missingIndex(path: String)
  /// No `.gzi` beside a bgzipped FASTA.
  case missingBlockIndex(path: String)
  /// The FASTA is compressed by gzip, which cannot be read at random; bgzip can.
  case notBgzip(path: String)
  /// A line of the `.fai` is not five columns of a FASTA index.
  case badIndexLine(path: String, line: Int)
  /// The index names no contig at all.
  case noContigs(path: String)
  /// Two contigs of one name.
  case duplicateContig(name: String, path: String)
  /// The index was made for another version of the FASTA: around `contig` they disagree.
  case indexDoesNotFit(path: String, contig: String)
  /// The FASTA has no such contig; `suggestion` is one that was probably meant.
  case unknownContig(name: String, path: String, suggestion: String?)
  /// The interval runs past the end of its contig.
  case outOfRange(Interval, contigLength: Int, path: String)
  /// The disk, or a damaged file; `reason` says which.
  case unreadable(path: String, reason: String)
}

extension ReferenceError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingFasta(let path):
      "\(path): no such file"
    case .missingIndex(let path):
      "\(path): no index \(path).fai: make it with `samtools faidx \(path)`"
    case .missingBlockIndex(let path):
      "\(path): no block index \(path).gzi: make it with `samtools faidx \(path)`"
    case .notBgzip(let path):
      "\(path): compressed by gzip, which cannot be read at random: use bgzip, as in "
        + "`gzip -dc \(path) | bgzip > new.fa.gz && samtools faidx new.fa.gz`"
    case .badIndexLine(let path, let line):
      "\(path).fai:\(line): not a line of a FASTA index: make it again with `samtools faidx \(path)`"
    case .noContigs(let path):
      "\(path): the index \(path).fai names no sequence"
    case .duplicateContig(let name, let path):
      "\(path): two sequences are named \(name): rename one and run `samtools faidx \(path)`"
    case .indexDoesNotFit(let path, let contig):
      "\(path): index does not fit the file at \(contig): make it again with `samtools faidx \(path)`"
    case .unknownContig(let name, let path, let suggestion):
      "\(path): no sequence is named \(name)" + ContigNames.hint(suggestion)
    case .outOfRange(let interval, let contigLength, let path):
      "\(path): \(interval) runs past the end of \(interval.contig), which has \(contigLength) bases"
    case .unreadable(let path, let reason):
      "\(path): cannot read: \(reason)"
    }
  }
}
