import Genomics
internal import HTS

/// The contents of a `.fai`: where the bases of each contig lie in the (uncompressed) FASTA.
struct FastaIndex {
  /// One line of the index.
  struct Record {
    let contig: Contig
    /// Bytes before the first base.
    let offset: Int
    /// Bases on each full line.
    let lineBases: Int
    /// Bytes of each full line, line end included.
    let lineWidth: Int

    /// Bytes before base `position`, which may be one past the last of a line.
    func byte(ofBase position: Int) -> Int {
      lineBases == 0 ? offset : offset + position / lineBases * lineWidth + position % lineBases
    }

    /// Bytes before whatever follows the last base: its line end, or the end of the file.
    var end: Int { contig.length == 0 ? offset : byte(ofBase: contig.length - 1) + 1 }
  }

  /// The contigs in file order.
  let records: [Record]
  /// Index of each contig in ``records``.
  let numbers: [String: Int]

  /// Reads `path` + `.fai`.
  init(fasta path: String) throws(ReferenceError) {
    var records: [Record] = []
    var numbers: [String: Int] = [:]
    do {
      var file = try BlockReader(path: path + ".fai")
      while let line = try file.readLine() {
        guard let record = Self.record(line) else {
          throw ReferenceError.badIndexLine(path: path, line: records.count + 1)
        }
        guard numbers.updateValue(records.count, forKey: record.contig.name) == nil else {
          throw ReferenceError.duplicateContig(name: record.contig.name, path: path)
        }
        records.append(record)
      }
    } catch let error as ReferenceError {
      throw error
    } catch {
      throw .unreadable(path: path + ".fai", reason: String(describing: error))
    }
    guard !records.isEmpty else { throw .noContigs(path: path) }
    self.records = records
    self.numbers = numbers
  }

  /// Name, length, offset, bases a line, bytes a line, separated by tabs; `nil` when that is not what the line says.
  private static func record(_ line: [UInt8]) -> Record? {
    let columns = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
    guard columns.count == 5, !columns[0].isEmpty else { return nil }
    let numbers = columns.dropFirst().compactMap { Int(String(decoding: $0, as: UTF8.self)) }
    // The bound keeps every product of the arithmetic above inside an Int.
    guard numbers.count == 4, numbers.allSatisfy({ 0..<1 << 47 ~= $0 }) else { return nil }
    let (length, offset, lineBases, lineWidth) = (numbers[0], numbers[1], numbers[2], numbers[3])
    guard length == 0 || (lineBases > 0 && lineWidth >= lineBases) else { return nil }
    guard lineBases == 0 || length / lineBases < (1 << 47) / max(lineWidth, 1) else { return nil }
    let name = String(decoding: columns[0], as: UTF8.self)
    return Record(
      contig: Contig(name: name, length: length), offset: offset, lineBases: lineBases, lineWidth: lineWidth)
  }
}
