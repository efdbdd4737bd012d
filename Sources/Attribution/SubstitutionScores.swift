/// Scores `S` of every single-base substitution of a stretch: shape `[4, length]`, rows A C G T.
///
/// 0 at the reference base. A column whose reference base is unknown is all zero; a column that was left out on purpose is
/// NaN in the three alternates.
public struct SubstitutionScores: Sendable, Equatable {
  /// Columns.
  public let length: Int
  /// Row-major `[4, length]`, in units of the target.
  public var values: [Float]

  /// All zeros.
  public init(length: Int) {
    self.length = length
    values = [Float](repeating: 0, count: 4 * length)
  }

  public init(length: Int, values: [Float]) {
    precondition(values.count == 4 * length, "\(values.count) values do not fill [4, \(length)]")
    self.length = length
    self.values = values
  }

  /// The score of putting base `base` at column `column`.
  public subscript(base: Int, column: Int) -> Float {
    get { values[base * length + column] }
    set { values[base * length + column] = newValue }
  }

  /// TISM from a gradient: `g[b, i] - g[ref_i, i]`.
  /// - Parameters:
  ///   - gradient: `df/dx` of the columns, row-major `[length, 4]` as the engine gives it.
  ///   - reference: base code of each column; unknown bases give zero columns.
  public init(gradient: some RandomAccessCollection<Float>, reference: some Collection<UInt8>) {
    self.init(length: reference.count)
    var column = 0
    var first = gradient.startIndex
    for code in reference {
      if code < 4 {
        let atReference = gradient[gradient.index(first, offsetBy: Int(code))]
        for base in 0..<4 where base != Int(code) {
          self[base, column] = gradient[gradient.index(first, offsetBy: base)] - atReference
        }
      }
      first = gradient.index(first, offsetBy: 4)
      column += 1
    }
  }

  /// Hypothetical contributions at a uniform background: `S - mean of its 4 rows`. For TISM, the corrected gradient
  /// `g[b, i] - mean over b' of g[b', i]` of Majdandzic et al. 2023.
  public var corrected: SubstitutionScores {
    var result = self
    for column in 0..<length {
      let mean = (0..<4).reduce(0.0) { $0 + Double(self[$1, column]) } / 4
      for base in 0..<4 { result[base, column] = Float(Double(self[base, column]) - mean) }
    }
    return result
  }

  /// The same scores seen from the other strand: columns reversed, bases complemented, never negated.
  public var reverseComplement: SubstitutionScores {
    SubstitutionScores(length: length, values: values.reversed())
  }

  /// The three alternates of a column in A C G T order, or `nil` where the reference base is unknown.
  public func alternates(at column: Int, reference: UInt8) -> Alternates? {
    guard reference < 4 else { return nil }
    let bases = Alternates.bases(of: reference)
    return Alternates(self[bases.0, column], self[bases.1, column], self[bases.2, column])
  }
}

/// Scores of the three alternates of one base, in A C G T order without the reference base.
public struct Alternates: Hashable, Sendable {
  public let first, second, third: Float

  public init(_ first: Float, _ second: Float, _ third: Float) {
    self.first = first
    self.second = second
    self.third = third
  }

  /// The three codes other than `reference`, ascending.
  @inline(__always)
  public static func bases(of reference: UInt8) -> (Int, Int, Int) {
    (reference == 0 ? 1 : 0, reference <= 1 ? 2 : 1, reference <= 2 ? 3 : 2)
  }
}
