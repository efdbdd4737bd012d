/// What can be wrong with a region that a person typed; every case carries the text as typed.
public enum RegionStringError: Error, Equatable, Sendable {
  /// The contig is not in the reference; `suggestion` is one that was probably meant.
  case unknownContig(String, suggestion: String?)
  /// The text names a contig as a whole, and its part before the colon names another.
  case ambiguous(String)
  /// What follows the colon is no range.
  case invalid(String)
  /// The region holds no base of its contig.
  case empty(String, contigLength: Int)
}

extension RegionStringError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownContig(let text, let suggestion):
      "region \"\(text)\": the reference has no such sequence" + ContigNames.hint(suggestion)
    case .ambiguous(let text):
      "region \"\(text)\": both a sequence and a part of one: write {\(text)} for the sequence, or put braces around "
        + "the name before the colon"
    case .invalid(let text):
      "region \"\(text)\": expected NAME, NAME:START, NAME:START-END or NAME:-END, counted from 1, both ends included"
    case .empty(let text, let contigLength):
      "region \"\(text)\" holds no base: the sequence has \(contigLength)"
    }
  }
}
