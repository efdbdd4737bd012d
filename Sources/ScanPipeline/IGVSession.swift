import Attribution
import Foundation
import Genomics

/// `igv_session.xml`: the genome, the tracks and annotations as IGV opens them, by relative paths.
struct IGVSession {
  let folder: String
  let genome: String
  let contigs: [Contig]
  let outcome: Merger.Outcome
  let settings: ScanSettings
  let annotations: [String]
  /// The first stretch with scores, where it is known.
  let first: Manifest.Stretch?

  /// Colours of the plus and the minus strand and of both together.
  private static let colours = ["plus": "31,119,180", "minus": "214,39,40", "both": "80,80,80"]

  var xml: String {
    let tracks = outcome.tracks.compactMap { track in
      (track.files.first { $0.hasSuffix(".bw") } ?? track.files.first).map { (file: $0, spec: track.spec) }
    }
    var beds = annotations.map { (path: Self.relative($0, to: folder), name: ScanModel.lastComponent($0)) }
    if outcome.calls != nil {
      beds.append((path: "calls.\(settings.predictionName).bed", name: "called sites"))
    }
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
      "<Session genome=\"\(escape(Self.relative(genome, to: folder)))\" locus=\"\(escape(locus))\" version=\"8\">",
      "  <Resources>",
    ]
    lines += (tracks.map(\.file) + beds.map(\.path)).map { "    <Resource path=\"\(escape($0))\"/>" }
    lines += ["  </Resources>", "  <Panel name=\"DataPanel\">"]
    for track in tracks {
      lines.append(
        "    <Track autoScale=\"true\" color=\"\(Self.colours[track.spec.strand]!)\" height=\"60\" "
          + "id=\"\(escape(track.file))\" name=\"\(escape(name(track.spec)))\" renderer=\"BAR_CHART\" "
          + "windowFunction=\"\(track.spec.method == .predict ? "max" : "mean")\" visible=\"true\"/>")
    }
    lines += ["  </Panel>", "  <Panel name=\"FeaturePanel\">"]
    for bed in beds {
      // Signal tracks of other runs look like this run's own.
      let strand = ["plus", "minus"].first { bed.path.hasSuffix(".\($0).bw") } ?? "both"
      let signal =
        bed.path.hasSuffix(".bw") || bed.path.hasSuffix(".bigWig")
        ? " autoScale=\"true\" color=\"\(Self.colours[strand]!)\" height=\"60\" renderer=\"BAR_CHART\"" : ""
      lines.append("    <Track id=\"\(escape(bed.path))\" name=\"\(escape(bed.name))\"\(signal) visible=\"true\"/>")
    }
    return (lines + ["  </Panel>", "</Session>"]).joined(separator: "\n") + "\n"
  }

  /// The track's short label, with how well TISM agrees with exact ISM where that was measured.
  private func name(_ spec: TrackSpec) -> String {
    guard let found = outcome.agreement(of: spec), let pearson = found.shown.pearson else {
      return spec.shortLabel
    }
    return "\(spec.shortLabel) (r \(fixed(pearson.value, digits: 2)) with ISM)"
  }

  /// The first 20 kb with scores.
  private var locus: String {
    if let first {
      let contig = contigs[first.contig]
      return "\(contig.name):\(first.start + 1)-\(min(contig.length, first.start + 20_000))"
    }
    return contigs.max { $0.length < $1.length }.map { "\($0.name):1-\(min($0.length, 20_000))" } ?? "all"
  }

  private func escape(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  /// `path` as seen from `folder`, so that both may move together; addresses with a scheme stay as they are.
  static func relative(_ path: String, to folder: String) -> String {
    guard !path.contains("://") else { return path }
    let target = URL(fileURLWithPath: path).standardizedFileURL.pathComponents
    let base = URL(fileURLWithPath: folder).standardizedFileURL.pathComponents
    let shared = zip(target, base).prefix { $0 == $1 }.count
    return (Array(repeating: "..", count: base.count - shared) + target[shared...]).joined(separator: "/")
  }
}
