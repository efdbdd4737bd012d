import CBigWig
import Genomics
import Testing

/// Opens a bigWig by libBigWig and gives the values of whole contigs.
final class BigWigFile {
  let file: UnsafeMutablePointer<bigWigFile_t>

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
