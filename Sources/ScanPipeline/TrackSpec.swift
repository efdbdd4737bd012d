import Attribution
import Genomics

/// One track of a run: what it shows, its file name and its long label.
struct TrackSpec: Hashable, Sendable {
  let method: Method
  /// Number of the target in the settings; 0 for predictions of per-position models.
  let target: Int
  let targetName: String
  /// `nil` for predictions.
  let reduction: Reduction?
  /// Plus-strand base of ``Reduction/alt`` tracks, 0 to 3.
  let alternate: Int?
  /// `plus`, `minus`, or `both` when directions are averaged.
  let strand: String
  /// What one value means, for the long label.
  var meaning: String
  /// The target's part of the file name, where its slug alone would be another target's too.
  var fileTarget: String?
  /// Which share of a base's alternates a hybrid scan computed exactly, instead of a score.
  var isExactShare = false
  /// How far the models of an ensemble differ in what the track without this shows.
  var isSpread = false

  /// Name of the track's file without its extension.
  var stem: String {
    let middle = reduction.map { ".\($0.rawValue)" + (alternate.map { "-\(Base.letters[$0])" } ?? "") } ?? ""
    return "\(method.rawValue).\(fileTarget ?? Self.slug(targetName))\(middle)\(isSpread ? ".spread" : "").\(strand)"
  }

  /// A few words for the narrow column beside a track: method, reduction, strand.
  var shortLabel: String {
    let sign = (isSpread ? " spread" : "") + (["plus": " +", "minus": " -"][strand] ?? "")
    if isExactShare { return "exact share\(sign)" }
    guard let reduction else { return (method == .predict ? targetName : method.rawValue.uppercased()) + sign }
    return "\(method.rawValue.uppercased()) \(reduction.rawValue)" + (alternate.map { " \(Base.letters[$0])" } ?? "")
      + " \(targetName)\(sign)"
  }

  /// What the values of the track are, in full.
  var label: String {
    let strandText = strand == "both" ? "both strands averaged" : "\(strand) strand"
    let spread = isSpread ? "sample standard deviation over the models of: " : ""
    guard let reduction else { return "\(spread)\(meaning), \(strandText)" }
    let base = alternate.map { " (plus-strand \(Base.letters[$0]))" } ?? ""
    return "\(spread)\(method.rawValue.uppercased()) \(reduction.rawValue)\(base) of \(targetName), \(strandText): "
      + "\(reduction.formula); \(meaning)"
  }

  /// A target's text as a part of a file name: letters, digits, `-` and `_` stay, everything else becomes `_`.
  static func slug(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") ? $0 : "_" })
  }
}

extension ScanSettings {
  /// The strand labels that tracks are written for.
  var trackStrands: [String] {
    if strandModel == .unstranded { return ["both"] }
    switch strands {
    case .both: return ["plus", "minus"]
    case .plus: return ["plus"]
    case .minus: return ["minus"]
    }
  }

  /// Name of what `predict` writes, where it has one value a base.
  var predictionName: String { activation == .plain ? "output" : "probability" }

  /// The targets' parts of file names: slugs, numbered from 2 where an earlier target has the same.
  var fileTargets: [String] {
    var parts: [String] = []
    for target in targets {
      let slug = TrackSpec.slug(target)
      var (part, number) = (slug, 2)
      while parts.contains(part) { (part, number) = ("\(slug)-\(number)", number + 1) }
      parts.append(part)
    }
    return parts
  }

  /// The tracks of one strand label, in the order they are written: an ensemble has one of its spread beside each.
  func tracks(strand: String) -> [TrackSpec] {
    shownTracks(strand: strand).flatMap { track -> [TrackSpec] in
      guard modelCount > 1, !track.isExactShare else { return [track] }
      var (mean, spread) = (track, track)
      spread.isSpread = true
      mean.meaning += ensembleText
      return [mean, spread]
    }
  }

  /// What is added to the meaning of a value.
  var ensembleText: String { modelCount > 1 ? "; mean over \(modelCount) models" : "" }

  private func shownTracks(strand: String) -> [TrackSpec] {
    let fileTargets = fileTargets
    return methods.flatMap { method -> [TrackSpec] in
      if method == .predict {
        guard kind == .window else {
          let meaning = activation == .plain ? "the model's output" : "P(site) = sigmoid(F)"
          return [
            TrackSpec(
              method: method, target: 0, targetName: predictionName, reduction: nil, alternate: nil, strand: strand,
              meaning: meaning)
          ]
        }
        return targets.enumerated().map {
          TrackSpec(
            method: method, target: $0, targetName: $1, reduction: nil, alternate: nil, strand: strand,
            meaning: "value of \($1) for the base's window", fileTarget: fileTargets[$0])
        }
      }
      let share =
        method == .tism && hybrid != nil
        ? [
          TrackSpec(
            method: method, target: 0, targetName: "exact", reduction: nil, alternate: nil, strand: strand,
            meaning: "share of the base's three alternates whose score is exact ISM", isExactShare: true)
        ] : []
      return targets.enumerated().flatMap { number, target in
        reductions.filter { $0 != .newSite || method == .ism && number == 0 }.flatMap { reduction in
          (reduction == .alt ? [0, 1, 2, 3] : [nil]).map {
            TrackSpec(
              method: method, target: number, targetName: reduction == .newSite ? predictionName : target,
              reduction: reduction, alternate: $0, strand: strand, meaning: meaning(ofScore: target, method),
              fileTarget: reduction == .newSite ? nil : fileTargets[number])
          }
        }
      } + share
    }
  }

  /// What a score `S` of a target means.
  func meaning(ofScore target: String, _ method: Method) -> String {
    let change =
      method == .ism ? "S = f(edited) - f(reference)" : "S = gradient at the base - gradient at the reference"
    let function: String =
      switch PositionTarget(rawValue: target) {
      case .weighted: "f = sum of w F over the outputs an edit can reach, w = sigmoid(F) at the reference, held fixed"
      case .weightedMean: "f = sum of w F / sum of w over the outputs an edit can reach, w = sigmoid(F), held fixed"
      case .probability: "f = sum of sigmoid(F), the expected number of sites"
      case .logit: "f = sum of F over the outputs an edit can reach"
      case nil: "f = \(target)\(preActivation ? " before the final activation" : "")"
      }
    let replaced =
      method == .tism && hybrid != nil ? "; exact ISM where the track of exact shares says so" : ""
    return "\(change); \(function)\(replaced)"
  }
}
