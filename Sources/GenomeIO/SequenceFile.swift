internal import HTS

/// A record of a FASTA file that is read from end to end.
public struct SequenceRecord: Hashable, Sendable {
  /// The first word after `>`.
  public let name: String
  /// Letters as stored.
  public let letters: [UInt8]
  /// Line of the header, 1-based, for messages.
  public let line: Int
}

/// What can go wrong with a FASTA file that is read from end to end.
public enum SequenceFileError: Error, Equatable, Sendable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  /// Text before the first header, or a letter that is no nucleotide code.
  case badLine(path: String, line: Int, reason: String)
  case empty(path: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot read: \(reason)"
    case .badLine(let path, let line, let reason): "\(path):\(line): \(reason)"
    case .empty(let path): "\(path): no sequence in the file; expected FASTA records"
    }
  }
}

/// Reads whole FASTA files, plain, gzip or bgzip, without an index; `-` is standard input.
public enum SequenceFile {
  private static let letters: Set<UInt8> = Set("ACGTURYSWKMBDHVNXacgturyswkmbdhvnx-.*".utf8)

  /// The records of `path` in the order of the file; at least one.
  public static func read(path: String) throws(SequenceFileError) -> [SequenceRecord] {
    var records: [SequenceRecord] = []
    var header: (name: String, line: Int)?
    var sequence: [UInt8] = []
    func close() {
      if let header { records.append(SequenceRecord(name: header.name, letters: sequence, line: header.line)) }
      sequence = []
    }
    do {
      var file = try BlockReader(path: path)
      var number = 0
      while let line = try file.readLine() {
        number += 1
        if line.first == UInt8(ascii: ">") {
          close()
          let name = line.dropFirst().prefix { $0 != 32 && $0 != 9 }
          header = (String(decoding: name, as: UTF8.self), number)
        } else if !line.isEmpty {
          guard header != nil else {
            throw SequenceFileError.badLine(
              path: path, line: number, reason: "text before the first '>': not a FASTA file")
          }
          if let bad = line.first(where: { !letters.contains($0) }) {
            let shown = 33...126 ~= bad ? "'\(Character(UnicodeScalar(bad)))'" : "byte \(bad)"
            throw SequenceFileError.badLine(path: path, line: number, reason: "\(shown) is no nucleotide code")
          }
          sequence += line
        }
      }
      guard path == "-" || file.hasEndMarker else {
        throw SequenceFileError.unreadable(path: path, reason: "the file is truncated")
      }
    } catch let error as SequenceFileError {
      throw error
    } catch HTSError.cannotOpen(_, let reason) {
      throw .unreadable(path: path, reason: reason)
    } catch {
      throw .unreadable(path: path, reason: "the file is damaged or truncated")
    }
    close()
    guard !records.isEmpty else { throw .empty(path: path) }
    return records
  }
}
