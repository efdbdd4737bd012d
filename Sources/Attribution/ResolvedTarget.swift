internal import Glibc

/// One output of a model as targets see it.
public struct OutputDescription: Hashable, Sendable {
  /// Name in the model file.
  public let name: String
  /// Length of each axis without the batch axis.
  public let dims: [Int]
  /// Entries a sequence.
  public var count: Int { dims.reduce(1, *) }

  public init(name: String, dims: [Int]) {
    self.name = name
    self.dims = dims
  }
}

/// A target whose outputs and entries were found in a model: a signed sum of terms.
public struct ResolvedTarget: Hashable, Sendable {
  /// The target as it was written.
  public let name: String
  let terms: [Term]

  struct Term: Hashable, Sendable {
    let output: Int
    /// Flat entries of the output.
    let entries: Range<Int>
    /// Softmax-weighted and mean-centred instead of a plain sum.
    let isProfile: Bool
    /// +1, or -1 on the right of a difference.
    let sign: Double
  }

  /// Numbers of the outputs that take part.
  public var outputs: Set<Int> { Set(terms.map(\.output)) }

  /// The weights of this target at a reference, held fixed from then on.
  /// - Parameter outputs: entries of each output at the reference, without the batch axis; empty for those not used.
  func frozen(at outputs: [ArraySlice<Float>]) -> FrozenTarget {
    FrozenTarget(
      parts: terms.map { term in
        let z = outputs[term.output].dropFirst(term.entries.lowerBound).prefix(term.entries.count)
        return FrozenTarget.Part(
          output: term.output, first: term.entries.lowerBound,
          weights: term.isProfile
            ? Self.profileWeights(z).map { $0 * term.sign } : Array(repeating: term.sign, count: z.count))
      })
  }

  /// `softmax(z) - 1/n`: with `p` held fixed, `sum of p_k (z_k - mean z)` is `sum of (p_k - 1/n) z_k`.
  private static func profileWeights(_ z: ArraySlice<Float>) -> [Double] {
    let largest = Double(z.max() ?? 0)
    let powers = z.map { exp(Double($0) - largest) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total - 1 / Double(z.count) }
  }
}

/// A target as a linear function of the outputs: one weight an entry, frozen at the reference.
struct FrozenTarget: Sendable {
  struct Part: Sendable {
    let output: Int
    let first: Int
    let weights: [Double]
  }
  let parts: [Part]

  /// The target's value for the given outputs, summed in float64 in order of the entries.
  func value(of outputs: [ArraySlice<Float>]) -> Double {
    var sum = 0.0
    for part in parts {
      let z = outputs[part.output]
      var index = z.startIndex + part.first
      for weight in part.weights {
        sum += weight * Double(z[index])
        index += 1
      }
    }
    return sum
  }

  /// Adds this target's gradient with respect to the outputs of sequence `sequence` to `seeds[output]`.
  func addSeeds(to seeds: inout [[Float]], sequence: Int, counts: [Int]) {
    for part in parts {
      let base = sequence * counts[part.output] + part.first
      for (offset, weight) in part.weights.enumerated() { seeds[part.output][base + offset] += Float(weight) }
    }
  }
}

extension ScoreTarget {
  /// Most entries of a single-output model that are all scored when no target is given.
  public static let defaultEntries = 16

  /// Finds this target in a model.
  public func resolved(among outputs: [OutputDescription]) throws(AttributionError) -> ResolvedTarget {
    ResolvedTarget(name: description, terms: try terms(among: outputs, sign: 1))
  }

  /// The targets when none is named: every entry of a single-output model of at most 16 entries.
  public static func defaults(among outputs: [OutputDescription]) throws(AttributionError) -> [ScoreTarget] {
    guard outputs.count == 1, outputs[0].count <= defaultEntries else {
      throw .targetNeeded(choices: choices(outputs))
    }
    return (0..<outputs[0].count).map { .entry(.number(0), $0) }
  }

  private static func choices(_ outputs: [OutputDescription]) -> [String] {
    outputs.enumerated().map { number, output in
      let name = OutputReference.name(output.name)
      return output.count == 1
        ? "\(number):0 (\(name))" : "\(number):0 to \(number):\(output.count - 1) (\(name), shape \(output.dims))"
    }
  }

  private func terms(among outputs: [OutputDescription], sign: Double) throws(AttributionError)
    -> [ResolvedTarget.Term]
  {
    switch self {
    case .entry(let output, let index): return [try term(output, index..<index + 1, outputs, sign)]
    case .sum(let output, let range): return [try term(output, range, outputs, sign)]
    case .total(let output): return [try term(output, nil, outputs, sign)]
    case .profile(let output, let range): return [try term(output, range, outputs, sign, isProfile: true)]
    case .difference(let left, let right):
      return try left.terms(among: outputs, sign: sign) + right.terms(among: outputs, sign: -sign)
    case .position(let target):
      throw .wrongKindOfTarget(
        target: target.rawValue,
        reason:
          "it belongs to models with one output a base; name an entry (\(Self.choices(outputs).joined(separator: ", ")))"
          + " or a sum of them (0:sum, 0:A-B), or declare the model with --output-kind position")
    }
  }

  private func term(
    _ reference: OutputReference, _ entries: Range<Int>?, _ outputs: [OutputDescription], _ sign: Double,
    isProfile: Bool = false
  ) throws(AttributionError) -> ResolvedTarget.Term {
    let found: Int? =
      switch reference {
      case .number(let number):
        outputs.indices.contains(number) ? number : outputs.firstIndex { $0.name == "\(number)" }
      case .name(let name): outputs.firstIndex { $0.name == name }
      }
    guard let found else {
      throw .unknownTarget(
        target: description, reason: "there is no output \(reference)", choices: Self.choices(outputs))
    }
    let entries = entries ?? 0..<outputs[found].count
    guard entries.upperBound <= outputs[found].count else {
      throw .unknownTarget(
        target: description,
        reason: "output \(reference) has \(outputs[found].count) entries, 0 to \(outputs[found].count - 1)",
        choices: Self.choices(outputs))
    }
    return ResolvedTarget.Term(output: found, entries: entries, isProfile: isProfile, sign: sign)
  }
}
