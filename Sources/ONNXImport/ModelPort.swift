/// Length of one axis of a model's input or output.
public enum Dimension: Hashable, Sendable, CustomStringConvertible {
  case fixed(Int)
  /// Named, or unnamed (an empty name): any length.
  case symbolic(String)

  public var description: String {
    switch self {
    case .fixed(let length): "\(length)"
    case .symbolic(let name): name.isEmpty ? "?" : name
    }
  }

  /// The length, where the model fixes it.
  public var length: Int? {
    if case .fixed(let length) = self { length } else { nil }
  }
}

/// A named tensor that goes into or comes out of a model.
public struct ModelPort: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  /// Empty when the file says nothing about the shape (or for a scalar).
  public let dimensions: [Dimension]

  public init(name: String, dimensions: [Dimension]) {
    self.name = name
    self.dimensions = dimensions
  }

  public var description: String { "\(name) [\(dimensions.map(\.description).joined(separator: ", "))]" }
}

/// How the sequence input lays out its axes.
public enum SequenceLayout: String, Hashable, Sendable, Codable, CaseIterable {
  /// `[N, 4, L]`, as PyTorch models have it.
  case channelsFirst = "channels-first"
  /// `[N, L, 4]`, as Keras models have it.
  case channelsLast = "channels-last"
}
