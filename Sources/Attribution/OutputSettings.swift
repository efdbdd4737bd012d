/// What one run of a model gives: one set of outputs a window, or one output a base.
public enum OutputKind: String, CaseIterable, Hashable, Sendable, Codable {
  case window
  case position
}

/// What an output of a per-position model stands for.
public enum OutputActivation: String, CaseIterable, Hashable, Sendable, Codable {
  /// The log-odds of a site at the base.
  case logit
  /// The probability of a site: the model ends in a sigmoid or softmax, and its logits are scored.
  case probability
  /// Any other number, such as a signal level.
  case plain = "none"
}

/// How a model's outputs relate on the two strands.
public enum StrandModel: String, CaseIterable, Hashable, Sendable, Codable {
  /// The model reads one strand: each strand has its own tracks.
  case stranded
  /// Outputs have no strand: one set of tracks, the average of both directions.
  case unstranded
  /// Two output channels, one a strand, that change places on the reverse complement: each strand's tracks average
  /// its channel over both directions.
  case swap
}

/// What cannot always be read off a graph, from flags or from the model's metadata; `nil` where nobody said.
public struct OutputSettings: Hashable, Sendable, Codable {
  public var kind: OutputKind?
  /// Axis of the positions, batch axis counted.
  public var axis: Int?
  /// Entry along the remaining axes, flat.
  public var channel: Int?
  /// Input position of the first output.
  public var first: Int?
  /// Bases an output; only 1 is supported.
  public var step: Int?
  public var activation: OutputActivation?
  /// How far labels were shifted downstream in training, bases.
  public var offset: Int?
  public var strands: StrandModel?
  /// Row order of the one-hot input.
  public var alphabet: String?

  public init() {}

  /// Reads the `tismscan.` keys of a model's metadata.
  public init(metadata: [String: String]) throws(AttributionError) {
    func text(_ key: String) -> String? { metadata["tismscan.\(key)"] }
    func fail(_ key: String, _ value: String, _ expected: String) -> AttributionError {
      .badMetadata(
        reason: "the model's metadata say tismscan.\(key)=\(value); expected \(expected): fix the file"
      )
    }
    func integer(_ key: String) throws(AttributionError) -> Int? {
      guard let value = text(key) else { return nil }
      guard let number = Int(value) else { throw fail(key, value, "an integer") }
      return number
    }
    func choice<T: CaseIterable & RawRepresentable<String>>(_ key: String, _ type: T.Type) throws(AttributionError)
      -> T?
    {
      guard let value = text(key) else { return nil }
      guard let choice = T(rawValue: value) else {
        throw fail(key, value, T.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return choice
    }
    kind = try choice("output.kind", OutputKind.self)
    axis = try integer("output.axis")
    channel = try integer("output.channel")
    first = try integer("output.first")
    step = try integer("output.step")
    activation = try choice("output.activation", OutputActivation.self)
    offset = try integer("output.offset")
    strands = try choice("strands", StrandModel.self)
    alphabet = text("alphabet")
  }

  /// These settings, with `other`'s where nothing was said.
  public func completed(by other: OutputSettings) -> OutputSettings {
    var result = self
    result.kind = kind ?? other.kind
    result.axis = axis ?? other.axis
    result.channel = channel ?? other.channel
    result.first = first ?? other.first
    result.step = step ?? other.step
    result.activation = activation ?? other.activation
    result.offset = offset ?? other.offset
    result.strands = strands ?? other.strands
    result.alphabet = alphabet ?? other.alphabet
    return result
  }
}
