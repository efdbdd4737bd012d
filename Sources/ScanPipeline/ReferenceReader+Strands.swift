import GenomeIO
import Genomics

extension ReferenceReader {
  /// Codes of strand positions, in strand direction. Positions beyond an end of the contig go on at the other one, as on a
  /// circular contig.
  func codes(of positions: Range<Int>, _ contig: Contig, _ strand: Strand) throws(ReferenceError) -> [UInt8] {
    let length = contig.length
    let plus = strand == .plus ? positions : length - positions.upperBound..<length - positions.lowerBound
    var codes: [UInt8] = []
    codes.reserveCapacity(plus.count)
    while codes.count < plus.count {
      let start = contig.wrapped(plus.lowerBound + codes.count)
      let end = min(length, start + plus.count - codes.count)
      codes += try self.codes(in: Interval(contig: contig.name, start: start, end: end))
    }
    return strand == .plus ? codes : Base.reverseComplement(codes)
  }
}
