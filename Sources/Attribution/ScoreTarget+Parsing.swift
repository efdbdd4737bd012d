extension ScoreTarget {
  /// Reads a target as the command line writes it.
  public init(parsing text: String) throws(AttributionError) {
    let sides = Self.splitAtMinus(text)
    switch sides.count {
    case 1: self = try Self.single(text)
    case 2:
      let (left, right) = (try Self.single(sides[0]), try Self.single(sides[1]))
      for side in [left, right] {
        if case .position = side {
          throw .malformedTarget(text: text, reason: "'\(side)' cannot be part of a difference")
        }
      }
      self = .difference(left, right)
    default: throw .malformedTarget(text: text, reason: "a difference has two sides")
    }
  }

  /// Splits at every ` - ` outside quotes.
  private static func splitAtMinus(_ text: String) -> [String] {
    var (parts, part, quote) = ([String](), "", Character?.none)
    var rest = Substring(text)
    while let character = rest.first {
      if quote == nil, rest.hasPrefix(" - ") {
        parts.append(part)
        part = ""
        rest = rest.dropFirst(3)
        continue
      }
      if character == quote {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
      }
      part.append(character)
      rest = rest.dropFirst()
    }
    return parts + [part]
  }

  /// Reads a target that is not a difference.
  private static func single(_ text: String) throws(AttributionError) -> ScoreTarget {
    func fail(_ reason: String) -> AttributionError { .malformedTarget(text: text, reason: reason) }
    let text = trimmed(text)
    if let position = PositionTarget(rawValue: text) { return .position(position) }

    let (output, rest) = try outputReference(text)
    let fields = rest.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard fields.count <= 2, let what = fields.first, !what.isEmpty else { throw fail("no entry is named") }
    if fields.count == 2 {
      guard fields[1] == "profile" else { throw fail("'\(fields[1])' is not 'profile'") }
      guard let range = try range(what, in: text) else { throw fail("a profile needs a range A-B") }
      return .profile(output, range)
    }
    if what == "sum" { return .total(output) }
    if let index = naturalNumber(what) { return .entry(output, index) }
    guard let range = try range(what, in: text) else { throw fail("'\(what)' is neither an index, a range nor 'sum'") }
    return .sum(output, range)
  }

  /// The output before the first `:` and what follows it.
  private static func outputReference(_ text: String) throws(AttributionError) -> (OutputReference, Substring) {
    if let quote = text.first, quote == "\"" || quote == "'" {
      let inner = text.dropFirst()
      guard let close = inner.firstIndex(of: quote), inner[close...].dropFirst().first == ":" else {
        throw .malformedTarget(text: text, reason: "a quoted output name must be closed and followed by ':'")
      }
      return (.name(String(inner[..<close])), inner[close...].dropFirst(2))
    }
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
      throw .malformedTarget(text: text, reason: "no such target")
    }
    let name = String(text[..<colon])
    guard !name.contains("-") else {
      throw .malformedTarget(text: text, reason: "the output name '\(name)' contains '-' and must be quoted")
    }
    return (naturalNumber(name).map { .number($0) } ?? .name(name), text[colon...].dropFirst())
  }

  /// `A-B` with `A < B`, or `nil` when the text has another form.
  private static func range(_ text: String, in target: String) throws(AttributionError) -> Range<Int>? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard ends.count == 2, let first = naturalNumber(ends[0]), let end = naturalNumber(ends[1]) else { return nil }
    guard first < end else {
      throw .malformedTarget(text: target, reason: "the range \(text) is empty (A-B excludes B)")
    }
    return first..<end
  }

  private static func naturalNumber(_ text: String) -> Int? {
    !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil
  }

  private static func trimmed(_ text: String) -> String {
    let tail = text.drop(while: { $0 == " " })
    return String(tail.reversed().drop(while: { $0 == " " }).reversed())
  }
}
