import Attribution
import Foundation
import Genomics
import TrackIO

/// Writes what `scan --sites` gives: an npz a method, a BED of the spans, and tracks.
struct SiteFiles {
  let folder: RunFolder
  /// In track order.
  let contigs: [Contig]
  let settings: ScanSettings
  let layout: PositionLayout
  let sites: [ScanSite]
  let results: [SiteResult]

  /// Bases around a site, in strand direction, that its effect is drawn at.
  static let shown = -60...20

  /// `sites.{method}.npz`: names, contigs, positions (plus strand, 0-based), strands, logits (n), offsets (span),
  /// sequences (n, span) and, for TISM and ISM, the scores (n, 4, span); all in strand direction.
  func writeArrays(_ method: Method) throws -> String {
    let name = "sites.\(method.rawValue).npz"
    let span = layout.back + layout.ahead + 1
    var npz = try NPZWriter(path: folder.file(name))
    try npz.add(name: "names", texts: sites.map { $0.region.name ?? "" })
    try npz.add(name: "contigs", texts: sites.map(\.region.interval.contig))
    try npz.add(name: "positions", shape: [sites.count], integers: sites.map { Int64($0.region.interval.start) })
    try npz.add(name: "strands", texts: sites.map(\.strand.symbol))
    try npz.add(name: "logits", shape: [sites.count], floats: results.map(\.logit))
    try npz.add(name: "offsets", shape: [span], integers: (0..<span).map { Int64($0 - layout.back + layout.offset) })
    try npz.add(name: "sequences", shape: [sites.count, span], bytes: results.flatMap(\.codes))
    if method != .predict {
      try npz.begin(name: method.rawValue, shape: [sites.count, 4, span], type: .float32)
      for result in results { try npz.append(result.substitutions[method]!.values) }
      try npz.end()
    }
    try npz.finish()
    return name
  }

  /// `sites.bed`: the span that each site's logit reads, with the site's own position, logit and probability.
  func writeSpans() throws -> String {
    var writer = try BEDWriter(path: folder.file("sites.bed"), contigs: contigs)
    let spans = sites.indices.map { index -> (index: Int, interval: Interval) in
      let site = sites[index]
      let length = contigs[site.contig].length
      let inside = site.site.reads.clamped(to: 0..<length)
      let plus = site.strand == .plus ? inside : length - inside.upperBound..<length - inside.lowerBound
      return (index, Interval(contig: contigs[site.contig].name, start: plus.lowerBound, end: plus.upperBound))
    }
    for (index, interval) in spans.sorted(by: {
      (sites[$0.index].contig, $0.interval.start, $0.interval.end, $0.index)
        < (sites[$1.index].contig, $1.interval.start, $1.interval.end, $1.index)
    }) {
      let (site, logit) = (sites[index], results[index].logit)
      let probability = 1 / (1 + exp(-Double(logit)))
      try writer.append(
        BEDRecord(
          interval: interval, name: site.region.name ?? "site\(index + 1)", score: Int((probability * 1000).rounded()),
          strand: site.strand,
          extra: ["\(site.region.interval.start)", "\(logit)", fixed(probability, digits: 4)]))
    }
    try writer.finish()
    return "sites.bed"
  }

  /// Tracks that take at each base the site within -60...+20 with the largest effect there.
  func writeTracks(_ method: Method, _ strand: Strand) throws -> [Merger.Outcome.Track] {
    let best = strongestSites(method, strand)
    return try settings.reductions.filter { $0 != .newSite }.flatMap { reduction in
      try (reduction == .alt ? [0, 1, 2, 3] : [nil]).map { alternate in
        let spec = TrackSpec(
          method: method, target: 0, targetName: "site", reduction: reduction, alternate: alternate,
          strand: strand.rawValue,
          meaning: "S = change of the site's logit; the site within -60...+20 with the largest effect at each base")
        let files = try TrackFiles(spec, formats: settings.formats, folder: folder.path, contigs: contigs)
        for (contig, bases) in best.enumerated() {
          for base in bases.keys.sorted() {
            guard let value = value(bases[base]!, spec, strand) else { continue }
            try files.append(contig: contig, start: base, values: [value])
          }
        }
        try files.finish()
        return Merger.Outcome.Track(spec: spec, files: files.names, bases: files.count)
      }
    }
  }

  /// One base as a site sees it.
  private struct Effect {
    /// Base code in strand direction.
    let reference: UInt8
    /// In strand direction.
    let scores: Alternates
    let size: Float
  }

  /// For each contig the strongest effect at each plus-strand position; of equal ones the first site's in the file.
  private func strongestSites(_ method: Method, _ strand: Strand) -> [[Int: Effect]] {
    var best = contigs.map { _ in [Int: Effect]() }
    for (site, result) in zip(sites, results) where site.strand == strand {
      let map = result.substitutions[method]!
      let length = contigs[site.contig].length
      for (column, position) in site.site.reads.enumerated()
      where Self.shown.contains(position - site.strandPosition) && 0..<length ~= position {
        guard let scores = map.alternates(at: column, reference: result.codes[column]) else { continue }
        let effect = Effect(
          reference: result.codes[column], scores: scores, size: Reduction.strongest.value(scores)!.magnitude)
        let base = strand == .plus ? position : length - 1 - position
        if let known = best[site.contig][base], known.size >= effect.size { continue }
        best[site.contig][base] = effect
      }
    }
    return best
  }

  private func value(_ effect: Effect, _ spec: TrackSpec, _ strand: Strand) -> Float? {
    guard let alternate = spec.alternate else { return spec.reduction!.value(effect.scores) }
    // Alternate tracks name the plus-strand base.
    let own = strand == .plus ? alternate : 3 - alternate
    let bases = Alternates.bases(of: effect.reference)
    return own == bases.0
      ? effect.scores.first : own == bases.1 ? effect.scores.second : own == bases.2 ? effect.scores.third : nil
  }
}
