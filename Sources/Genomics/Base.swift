/// Base codes: 0, 1, 2, 3 stand for A, C, G, T (row order of every one-hot matrix here), 4 for anything else.
///
/// Lower case equals upper case and U reads as T. Every other letter is ``unknown``: an all-zero one-hot column that is
/// never scored.
public enum Base {
  /// Letters in code order.
  public static let letters: [Character] = ["A", "C", "G", "T", "N"]
  /// The code of a base that is not A, C, G or T.
  public static let unknown: UInt8 = 4

  /// Code of each of the 256 ASCII letters.
  private static let codes: [UInt8] = {
    var table = [UInt8](repeating: unknown, count: 256)
    for (letter, code) in [("A", 0), ("C", 1), ("G", 2), ("T", 3), ("U", 3)] as [(String, UInt8)] {
      table[Int(letter.utf8.first!)] = code
      table[Int(letter.lowercased().utf8.first!)] = code
    }
    return table
  }()

  /// Codes of a sequence of ASCII letters.
  public static func encode(_ letters: some Sequence<UInt8>) -> [UInt8] {
    codes.withUnsafeBufferPointer { table in letters.map { table[Int($0)] } }
  }

  /// The code of the complementary base; ``unknown`` stays unknown.
  public static func complement(_ code: UInt8) -> UInt8 { code < 4 ? 3 - code : code }

  /// Codes of the reverse complement.
  public static func reverseComplement(_ codes: some BidirectionalCollection<UInt8>) -> [UInt8] {
    codes.reversed().map(complement)
  }
}
