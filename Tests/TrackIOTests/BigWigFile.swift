import CBigWig
import Genomics
import Glibc
import Testing

/// Opens a bigWig by libBigWig and gives the values of whole contigs.
///
/// The pointer stays inside: it dies with the object, which lives only as long as a method of it runs.
final class BigWigFile {
  private let file: UnsafeMutablePointer<bigWigFile_t>

  /// The file is no bigWig.
  struct Unreadable: Error {}

  init(_ path: String) throws {
    guard let file = bwOpen(path, nil, "r") else { throw Unreadable() }
    self.file = file
  }

  deinit { bwClose(file) }

  /// Names and lengths in the order of the file.
  var contigs: [Contig] {
    let list = file.pointee.cl.pointee
    return (0..<Int(list.nKeys)).map { Contig(name: String(cString: list.chrom[$0]!), length: Int(list.len[$0])) }
  }

  /// The header with the total summary.
  var header: bigWigHdr_t { file.pointee.hdr.pointee }

  /// Means over equal bins, from the zoom levels.
  func mean(of contig: Contig, bins: Int) throws -> [Double] {
    guard let means = bwStats(file, contig.name, 0, UInt32(contig.length), UInt32(bins), CBigWig.mean) else {
      throw Unreadable()
    }
    defer { free(means) }
    return Array(UnsafeBufferPointer(start: means, count: bins))
  }

  /// A value a base, NaN where there is none.
  func values(of contig: Contig) -> [Float] {
    var values = [Float](repeating: .nan, count: contig.length)
    guard let found = bwGetOverlappingIntervals(file, contig.name, 0, UInt32(contig.length)) else { return values }
    defer { bwDestroyOverlappingIntervals(found) }
    for item in 0..<Int(found.pointee.l) {
      for position in found.pointee.start[item]..<found.pointee.end[item] {
        #expect(values[Int(position)].isNaN, "two values at \(contig.name):\(position)")
        values[Int(position)] = found.pointee.value[item]
      }
    }
    return values
  }
}
