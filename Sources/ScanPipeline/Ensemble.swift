/// Values of several models at the same places.
///
/// What an ensemble scores is the mean of what its members do, each by its own target `f`: since scores are differences or
/// derivatives of `f`, exact ISM and TISM of the mean of `f` are the means of theirs.
enum Ensemble {
  /// - Parameter members: values of each model, as many of each; not empty. One model's are handed back as they are.
  static func mean(_ members: [[Float]]) -> [Float] {
    guard members.count > 1 else { return members[0] }
    return members[0].indices.map { Float(mean(members, $0)) }
  }

  /// Sample standard deviation (divided by one less than the number of models); NaN where a model has no value.
  static func spread(_ members: [[Float]]) -> [Float] {
    members[0].indices.map { place in
      let mean = mean(members, place)
      let squares = members.reduce(0.0) { $0 + (Double($1[place]) - mean) * (Double($1[place]) - mean) }
      return Float((squares / Double(members.count - 1)).squareRoot())
    }
  }

  private static func mean(_ members: [[Float]], _ place: Int) -> Double {
    members.reduce(0) { $0 + Double($1[place]) } / Double(members.count)
  }
}
