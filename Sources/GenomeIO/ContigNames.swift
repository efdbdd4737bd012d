/// Guesses what a person meant by a contig name that the reference does not have.
enum ContigNames {
  /// A name that `isKnown` and differs from `name` as the naming schemes of UCSC and Ensembl do: `chr1` and `1`, `chrM` and
  /// `MT`.
  static func suggestion(for name: String, isKnown: (String) -> Bool) -> String? {
    let bare = name.lowercased().hasPrefix("chr") ? String(name.dropFirst(3)) : name
    var candidates = [bare, "chr" + bare, "Chr" + bare, "chr" + bare.uppercased(), bare.uppercased()]
    if ["M", "MT"].contains(bare.uppercased()) { candidates += ["chrM", "MT", "chrMT", "M"] }
    return candidates.first { $0 != name && isKnown($0) }
  }

  /// The end of a message about an unknown contig.
  static func hint(_ suggestion: String?) -> String {
    suggestion.map { "; the reference spells it \($0): use one naming scheme in all files" } ?? ""
  }
}
