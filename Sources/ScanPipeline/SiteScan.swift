import Attribution
import GenomeIO
import Genomics
import TrackIO

/// A site to score alone.
struct ScanSite: Sendable {
  let region: Region
  /// Index of the contig in track order.
  let contig: Int
  let strand: Strand
  /// 0-based from the strand's 5' end.
  let strandPosition: Int
  let site: PositionSite
}

/// What scoring a site alone gives.
struct SiteResult: Sendable {
  var logit: Float = .nan
  /// Base codes of the bases read, in strand direction; 4 beyond the contig.
  var codes: [UInt8] = []
  /// One a method that scores substitutions: `[4, span]` over those bases.
  var substitutions: [Method: SubstitutionScores] = [:]
}

/// Scores the sites of a BED file each by its own logit: `scan --sites`.
struct SiteScan {
  let request: ScanRequest
  let model: PositionModel
  let methods: [Method]
  /// Names of the contigs whose passes go on over the origin.
  let circular: Set<String>

  /// Sites of the file in its order, each one base with a strand.
  func sites(_ path: String, contigs: [Contig]) throws -> [ScanSite] {
    let ranks = Dictionary(uniqueKeysWithValues: contigs.inTrackOrder().enumerated().map { ($1.name, $0) })
    return try RegionFile.read(path: path, contigs: contigs).map { region in
      guard region.interval.length == 1, let strand = region.strand else {
        throw ScanError.badInput(
          "\(path):\(region.line): a site is one base with a strand (BED6); this line has \(region.interval.length) bases"
            + (region.strand == nil ? " and no strand" : ""))
      }
      let length = contigs.first { $0.name == region.interval.contig }!.length
      let position = strand == .plus ? region.interval.start : length - 1 - region.interval.start
      let bounds = StrandBases.bounds(contigLength: length, isCircular: circular.contains(region.interval.contig))
      guard let site = model.site(at: position, within: bounds) else {
        throw ScanError.badInput(
          "\(path):\(region.line): the model has no output for a site this near the contig's end")
      }
      return ScanSite(
        region: region, contig: ranks[region.interval.contig]!, strand: strand, strandPosition: position, site: site)
    }
  }

  /// Scores the sites, results in their order. Sites whose passes have one shape are scored together.
  func score(_ sites: [ScanSite], contigs: [Contig], _ reader: borrowing ReferenceReader, _ progress: Progress)
    async throws
    -> [SiteResult]
  {
    struct Shape: Hashable { let length, entry: Int }
    let (model, methods, engine) = (model, methods, request.engine)
    let shapes = Dictionary(grouping: sites.indices) {
      Shape(length: model.network.fixedLength ?? sites[$0].site.pass.count, entry: sites[$0].site.entry)
    }
    let groups = shapes.flatMap { shape, members in
      stride(from: 0, to: members.count, by: 32).map {
        (shape: shape, members: Array(members[$0..<min(members.count, $0 + 32)]))
      }
    }.sorted { $0.members[0] < $1.members[0] }
    var results = [SiteResult](repeating: SiteResult(), count: sites.count)
    var done = 0
    progress.begin(resumed: 0)
    try await OrderedTasks.run(
      count: groups.count, threads: request.resources.threads,
      prepare: { number in
        try groups[number].members.map { try codes(of: sites[$0].site.pass, sites[$0], contigs, reader) }
      },
      work: { number, codes in
        let group = groups[number]
        let windows = try model.windows(length: group.shape.length, entry: group.shape.entry)
        return try SiteScan.score(group.members.map { sites[$0] }, codes, windows, contigs, methods, engine)
      },
      commit: { number, scored in
        for (index, result) in zip(groups[number].members, scored) { results[index] = result }
        done += groups[number].members.count
        progress.note("scoring sites", done: done, of: sites.count)
      })
    return results
  }

  /// Compares a few scores of random bases with independent ways, at the first site's place in its pass.
  func selfCheck(_ site: ScanSite?) throws {
    guard let site = site?.site else { return }
    let length = model.network.fixedLength ?? site.pass.count
    let check = SelfCheck(methods: Set(methods.compactMap { CheckedMethod($0) }), fast: request.engine == .fast)
    _ = try check.run(model.windows(length: length, entry: site.entry))
  }

  private func codes(
    of range: Range<Int>, _ site: ScanSite, _ contigs: [Contig], _ reader: borrowing ReferenceReader
  ) throws -> [UInt8] {
    try reader.codes(of: range, contigs.inTrackOrder()[site.contig], site.strand)
  }

  private static func score(
    _ sites: [ScanSite], _ codes: [[UInt8]], _ windows: WindowModel, _ contigs: [Contig], _ methods: [Method],
    _ engine: SubstitutionEngine
  ) throws -> [SiteResult] {
    let tasks = zip(sites, codes).map { site, codes in
      let inside = site.site.reads.clamped(to: site.site.pass)
      let first = site.site.pass.lowerBound
      return WindowTask(
        codes: codes[...], columns: inside.lowerBound - first..<inside.upperBound - first,
        location: "site \(site.region.name ?? site.region.interval.description)")
    }
    // The logit comes from the pass that predictions use, whatever else is asked for.
    var prediction = try WindowPrediction(windows)
    var results = zip(try prediction.score(tasks), zip(sites, codes)).map { scores, pair -> SiteResult in
      let (site, codes) = pair
      return SiteResult(
        logit: scores.predictions[0],
        codes: site.site.reads.map {
          site.site.pass.contains($0) ? codes[$0 - site.site.pass.lowerBound] : Base.unknown
        })
    }
    for method in methods where method != .predict {
      let scores: [WindowScores]
      switch (method, engine) {
      case (.ism, .fast):
        var scorer = try WindowDifferences(windows)
        scores = try scorer.score(tasks)
      case (.ism, .naive):
        var scorer = try WindowISM(windows)
        scores = try scorer.score(tasks)
      default:
        var scorer = try WindowTISM(windows)
        scores = try scorer.score(tasks)
      }
      for (index, site) in sites.enumerated() {
        // Columns beyond the contig stay zero.
        var map = SubstitutionScores(length: site.site.reads.count)
        let shift = max(0, site.site.pass.lowerBound - site.site.reads.lowerBound)
        let part = scores[index].substitutions[0]
        for base in 0..<4 { for column in 0..<part.length { map[base, column + shift] = part[base, column] } }
        results[index].substitutions[method] = map
      }
    }
    return results
  }
}
