internal import Engine
internal import Genomics

/// What takes the place of neighbouring bases: each score is `f(x with columns i ..< i + width replaced) - f(x)`, one for
/// each start `i`. Zeroing single bases is what fastISM does by default.
public struct Replacement: Hashable, Sendable {
  /// Base codes of the columns; ``Base/unknown`` is a column of zeros.
  public let codes: [UInt8]

  /// Neighbouring columns that are replaced at once.
  public var width: Int { codes.count }

  /// - Parameters:
  ///   - text: `zero`, one letter for every column, or as many letters as columns; N is a column of zeros.
  ///   - width: columns replaced at once.
  /// - Returns: `nil` when the text is neither.
  public init?(parsing text: String, width: Int) {
    precondition(width > 0, "a replacement of \(width) columns")
    if text.lowercased() == "zero" {
      codes = [UInt8](repeating: Base.unknown, count: width)
      return
    }
    let letters = Array(text.utf8)
    guard letters.count == 1 || letters.count == width,
      letters.allSatisfy({ Array("ACGTUNacgtun".utf8).contains($0) })
    else { return nil }
    let read = Base.encode(letters)
    codes = read.count == width ? read : [UInt8](repeating: read[0], count: width)
  }

  /// Starts of the replacements of a sequence: all that fit.
  public func starts(in length: Int) -> Range<Int> { 0..<max(0, length - width + 1) }

  func applied(to codes: ArraySlice<UInt8>, at start: Int) -> ArraySlice<UInt8> {
    var edited = Array(codes)
    edited.replaceSubrange(start..<start + width, with: self.codes)
    return edited[...]
  }

  /// What the replacement adds to the one-hot columns of `codes` from `start` on.
  func edit(of codes: ArraySlice<UInt8>, at start: Int) -> InputEdit {
    let changes = self.codes.enumerated().map { column, new in
      var change = SIMD4<Float>.zero
      let old = codes[codes.startIndex + start + column]
      if old < 4 { change[Int(old)] -= 1 }
      if new < 4 { change[Int(new)] += 1 }
      return change
    }
    return InputEdit(position: start, change: changes[0], following: Array(changes.dropFirst()))
  }
}
