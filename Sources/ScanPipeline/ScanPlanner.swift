import Attribution
import Foundation
import GenomeIO
import Genomics
import ONNXImport

/// Settles a request against model, genome and regions.
struct ScanPlanner {
  let request: ScanRequest
  let model: ScanModel

  /// A settled run: what is written down, and what scores it.
  struct Plan {
    var manifest: Manifest
    let scanner: ShardScanner
    fileprivate(set) var shardPlan: ShardPlan

    /// Cuts the work anew.
    mutating func cut(into count: Int) { manifest.shards = shardPlan.shards(count) }
  }

  /// - Parameter known: the manifest of the run, when its genome is known to be unchanged: contigs are not read again.
  func plan(_ reader: borrowing ReferenceReader, known: Manifest? = nil) throws -> Plan {
    let contigs = reader.contigs.inTrackOrder()
    var settings = try self.settings(contigs, known)
    let circular = Set(contigs.indices.filter { settings.circular?.contains(contigs[$0].name) == true })
    // Regions from standard input are not there a second time.
    let asked = request.regions == "-" ? known?.regionsAsked : nil
    let regions = try asked ?? regions(contigs: reader.contigs)
    let excluded = try request.exclude.map {
      RegionSet(try RegionFile.read(path: $0, contigs: reader.contigs).map(\.interval), contigs: contigs)
    }

    let plan: ShardScanner.Plan
    var scored: RegionSet
    switch model.kind {
    case .position(let layout):
      let targets = try positionTargets(&settings)
      plan = .positions(models: try positionModels(layout, &settings), targets: targets)
      scored = regions.map { RegionSet($0.map(\.interval), contigs: contigs) } ?? RegionSet(all: contigs)
    case .window:
      let windows = try windowModel(&settings)
      let placements = try placements(windows.length, contigs, regions, settings)
      plan = .windows(windows, placements: placements)
      scored = covered(placements[.plus]!, contigs)
      if settings.windowAt == .tile, let regions {
        scored = scored.intersecting(RegionSet(regions.map(\.interval), contigs: contigs))
      }
    }
    if let excluded { scored = scored.subtracting(excluded) }
    guard !scored.isEmpty else { throw ScanError.badInput("no base is left to score: check --regions and --exclude") }

    let strands = settings.scannedStrands
    let sampling = try audit(plan, strandBases: scored.baseCount * strands.count, contigs, &settings)
    let files = [request.regions, request.exclude, request.genes].compactMap { $0 }
    let numbers = Dictionary(uniqueKeysWithValues: contigs.enumerated().map { ($1.name, $0) })
    let shardPlan = ShardPlan(
      stretches: scored.intervals.map { Manifest.Stretch(contig: numbers[$0.contig]!, start: $0.start, end: $0.end) },
      strands: strands.count, keepsBlocks: settings.keepsBlocks, costOfBase: try ScanCost(plan, settings).ofBase,
      bytesOfBase: settings.bytesOfBase, step: settings.step)
    let count: Int = if case .count(let count) = request.cut { count } else { shardPlan.defaultCount }
    let manifest = Manifest(
      version: request.version, model: model.fileRecords, genome: try genome(contigs, reader, known),
      regionFiles: try files.filter { $0 != "-" }.map {
        Manifest.FileRecord(name: ScanModel.lastComponent($0), md5: try FileDigest.md5(path: $0))
      },
      regions: request.regionStrings, scored: Manifest.Scored(scored), settings: settings, unitBases: shardPlan.unit,
      shards: shardPlan.shards(count))
    return Plan(
      manifest: manifest,
      scanner: ShardScanner(
        contigs: contigs, circular: circular, plan: plan, methods: settings.methods, engine: settings.engine,
        newSites: settings.reductions.contains(.newSite), verified: settings.verify.map { EditSample(fraction: $0) },
        audit: sampling, hybrid: settings.hybrid.map { HybridChoice(share: $0) }), shardPlan: shardPlan)
  }

  /// The contigs with their digests.
  private func genome(_ contigs: [Contig], _ reader: borrowing ReferenceReader, _ known: Manifest?) throws
    -> [Manifest.ContigRecord]
  {
    if let known, known.contigs == contigs { return known.genome }
    return try contigs.map {
      Manifest.ContigRecord(name: $0.name, length: $0.length, md5: try reader.md5(of: $0))
    }
  }

  /// Settles a request for sites: everything of a plan but shards.
  func planSites(_ reader: borrowing ReferenceReader) throws -> (manifest: Manifest, model: PositionModel) {
    guard case .position(let layout) = model.kind, layout.activation != .plain else {
      throw ScanError.usage("--sites needs a model with one logit a base")
    }
    let others = [
      (request.regions != nil, "--regions"), (!request.regionStrings.isEmpty, "--region"),
      (request.exclude != nil, "--exclude"), (!request.targets.isEmpty, "--target"), (request.calls != nil, "--calls"),
      (request.strands != .both, "--strand"), (request.reductions.contains(.newSite), "--reduce new-site"),
      (model.output.strands ?? .stranded != .stranded, "--strand-model"), (request.audit ?? 0 > 0, "--audit"),
      (request.genes != nil, "--genes"), (request.hybrid > 0, "--hybrid"),
    ]
    if let (_, flag) = others.first(where: \.0) {
      throw ScanError.usage("\(flag) does not go with --sites: each site is scored by its own logit, on its own strand")
    }
    guard request.verify ?? 0 == 0 else {
      throw ScanError.usage("--verify is for regions and whole genomes; sites are only checked before the run")
    }
    guard request.sites != "-" else { throw ScanError.usage("--sites needs a file, not standard input") }
    var settings = try self.settings(reader.contigs.inTrackOrder())
    settings.sites = true
    settings.targets = ["site"]
    let models = try positionModels(layout, &settings)
    let manifest = Manifest(
      version: request.version, model: model.fileRecords,
      genome: try genome(reader.contigs.inTrackOrder(), reader, nil),
      regionFiles: [
        Manifest.FileRecord(
          name: ScanModel.lastComponent(request.sites!), md5: try FileDigest.md5(path: request.sites!))
      ],
      regions: [], scored: Manifest.Scored(bases: 0, checksum: ""), settings: settings, unitBases: 0, shards: [])
    return (manifest, models[0])
  }

  // MARK: Settings

  private func settings(_ contigs: [Contig], _ known: Manifest? = nil) throws -> ScanSettings {
    // The machines that scan a run need not have what is only shown beside its tracks.
    for path in known == nil ? request.annotations : []
    where !path.contains("://") && !FileManager.default.fileExists(atPath: path) {
      throw ScanError.badInput("--annotation \(path): no such file")
    }
    let methods = Set(request.methods).sorted()
    let strandModel = model.output.strands ?? .stranded
    if strandModel != .stranded, request.strands != .both {
      throw ScanError.usage("--strand-model \(strandModel.rawValue) averages both directions: use --strand both")
    }
    var reductions: [Reduction] = []
    for reduction in request.reductions where !reductions.contains(reduction) { reductions.append(reduction) }
    let kind: OutputKind = if case .position = model.kind { .position } else { .window }
    if reductions.contains(.newSite), !methods.contains(.ism) || kind == .window {
      throw ScanError.usage("--reduce new-site needs --method ism and a model with one output a base")
    }
    if request.calls != nil, !methods.contains(.predict) || kind == .window {
      throw ScanError.usage("--calls needs --method predict and a model with one output a base")
    }
    if let verify = request.verify {
      guard 0...1 ~= verify else { throw ScanError.usage("--verify \(verify): a fraction of the edits, 0 to 1") }
      guard methods != [.predict] else { throw ScanError.usage("--verify needs --method tism or ism") }
    }
    var settings = ScanSettings(
      methods: methods, targets: request.targets, kind: kind,
      preActivation: (kind == .position ? model.positionNetwork : model.network).isPreActivation,
      engine: request.engine, strands: request.strands, strandModel: strandModel,
      reductions: methods == [.predict] ? [] : reductions,
      formats: TrackFormat.allCases.filter(request.formats.contains), calls: request.calls,
      verify: request.verify == 0 ? nil : request.verify, inputs: model.inputRecords,
      sequenceInput: model.sequenceInput, sequenceLayout: model.sequenceLayout?.rawValue)
    settings.circular = try known.map { $0.settings.circular } ?? circular(contigs)
    return settings
  }

  /// Names of the circular contigs in track order; `nil` for none.
  private func circular(_ contigs: [Contig]) throws -> [String]? {
    let names = Set(contigs.map(\.name))
    var found: Set<String> = []
    for given in request.circular {
      if names.contains(given) {
        found.insert(given)
      } else if FileManager.default.fileExists(atPath: given) {
        let circular = try TopologyFile.circularContigs(path: given, contigs: contigs)
        guard !circular.isEmpty else {
          throw ScanError.badInput(
            "--circular \(given): the file calls no contig of the genome circular (Is_circular=true in a GFF, circular in the "
              + "LOCUS line of a GenBank record); name the contig itself")
        }
        found.formUnion(circular)
      } else {
        throw ScanError.badInput(
          "--circular \(given): neither a contig of the genome nor a file; the genome has "
            + contigs.prefix(3).map(\.name).joined(separator: ", ") + (contigs.count > 3 ? ", ..." : ""))
      }
    }
    return found.isEmpty ? nil : contigs.map(\.name).filter(found.contains)
  }

  // MARK: Per-position models

  private func positionTargets(_ settings: inout ScanSettings) throws -> [PositionTarget] {
    for (isSet, flag) in [
      (request.windowAt != .tile, "--window-at"), (request.step != nil, "--step"),
      (request.windowLength != nil, "--window-length"),
    ] where isSet {
      throw ScanError.usage("\(flag) is for models scored by windows; this one has one output a base")
    }
    guard case .position(let layout) = model.kind else { return [] }
    let texts = settings.targets.isEmpty ? [layout.activation == .plain ? "logit" : "weighted"] : settings.targets
    var targets: [PositionTarget] = []
    for text in texts {
      guard case .position(let target) = try ScoreTarget(parsing: text) else {
        throw ScanError.usage(
          "--target \(text): the model has one output a base; choose weighted, weighted-mean, probability or logit, or "
            + "score it by windows with --output-kind window")
      }
      if layout.activation == .plain, target != .logit {
        throw AttributionError.wrongKindOfTarget(
          target: text,
          reason: "the model's outputs are no logits, so sites have no weights; use --target logit, the plain sum")
      }
      if !targets.contains(target) { targets.append(target) }
    }
    settings.targets = targets.map(\.rawValue)
    return targets
  }

  private func positionModels(_ layout: PositionLayout, _ settings: inout ScanSettings) throws -> [PositionModel] {
    settings.activation = layout.activation
    settings.offset = layout.offset
    settings.channel = model.output.channel ?? 0
    settings.first = layout.first
    let own = try PositionModel(model.positionNetwork, layout: layout, tile: request.tile)
    guard settings.strandModel == .swap else { return [own] }
    var partner = model.output
    partner.channel = 1 - (model.output.channel ?? 0)
    guard case .position(let other) = try model.positionNetwork.settledKind(partner) else { return [own] }
    return [own, try PositionModel(model.positionNetwork, layout: other, tile: request.tile)]
  }

  // MARK: Per-window models

  private func windowModel(_ settings: inout ScanSettings) throws -> WindowModel {
    if settings.strandModel == .swap {
      throw ScanError.usage("--strand-model swap needs a model with one output a base and two channels")
    }
    guard let length = model.network.fixedLength ?? request.windowLength else {
      throw ScanError.usage("the model takes windows of any length: say how long with --window-length")
    }
    if let wanted = request.windowLength, wanted != length {
      throw ScanError.usage("--window-length \(wanted): the model takes \(length) bases")
    }
    let outputs = try model.network.outputs(atLength: length)
    var targets = settings.targets.isEmpty ? try ScoreTarget.defaults(among: outputs) : []
    for text in settings.targets {
      let target = try ScoreTarget(parsing: text)
      if !targets.contains(target) { targets.append(target) }
    }
    settings.targets = targets.map(\.description)
    settings.windowLength = length
    settings.windowAt = request.windowAt
    if request.windowAt == .tile {
      let step = request.step ?? max(1, length / 2)
      guard 1...length ~= step else {
        throw ScanError.usage("--step \(step) must be 1 to the window's \(length) bases, or bases would be left out")
      }
      settings.step = step
    } else {
      guard request.step == nil else { throw ScanError.usage("--step is for --window-at tile") }
      settings.overlap = request.overlap
    }
    return try WindowModel(
      model.network, length: length, step: settings.step, targets: try targets.map { try $0.resolved(among: outputs) })
  }

  private func placements(_ length: Int, _ contigs: [Contig], _ regions: [Region]?, _ settings: ScanSettings) throws
    -> [Strand: [WindowPlacement]]
  {
    if settings.windowAt == .tile {
      let both = contigs.map {
        WindowPlacement(
          gridOn: $0.length, length: length, step: settings.step!,
          isCircular: settings.circular?.contains($0.name) == true)
      }
      return [.plus: both, .minus: both]
    }
    guard let regions else { throw ScanError.usage("--window-at \(settings.windowAt!.rawValue) needs --regions") }
    // The windows decide values, so that the manifest must know the file by its digest.
    guard request.regions != "-" else {
      throw ScanError.usage("--window-at \(settings.windowAt!.rawValue) needs --regions as a file, not standard input")
    }
    let byContig = Dictionary(grouping: regions, by: \.interval.contig)
    func starts(_ contig: Contig, _ strand: Strand) throws -> [Int] {
      try (byContig[contig.name] ?? []).map { region in
        var centre = (region.interval.start + region.interval.end) / 2
        if settings.windowAt == .summit {
          guard let summit = region.summit else {
            throw ScanError.badInput(
              "\(request.regions ?? "--region"):\(region.line): no summit in column 10; use --window-at center")
          }
          centre = region.interval.start + summit
        }
        let start = centre - length / 2
        return strand == .plus ? start : contig.length - (start + length)
      }
    }
    func placement(_ strand: Strand) throws -> [WindowPlacement] {
      try contigs.map {
        WindowPlacement(
          starts: try starts($0, strand), length: length, contigLength: $0.length, overlap: settings.overlap!,
          isCircular: settings.circular?.contains($0.name) == true)
      }
    }
    return [.plus: try placement(.plus), .minus: try placement(.minus)]
  }

  private func covered(_ placements: [WindowPlacement], _ contigs: [Contig]) -> RegionSet {
    RegionSet(
      zip(contigs, placements).flatMap { contig, placement in
        placement.covered.map { Interval(contig: contig.name, start: $0.lowerBound, end: $0.upperBound) }
      }, contigs: contigs)
  }

  // MARK: Regions

  /// Regions asked for, in the order given; `nil` for the whole genome.
  private func regions(contigs: [Contig]) throws -> [Region]? {
    guard request.regions != nil || !request.regionStrings.isEmpty else { return nil }
    var regions: [Region] = []
    if let path = request.regions { regions += try RegionFile.read(path: path, contigs: contigs) }
    regions += try request.regionStrings.map { Region(interval: try RegionString.parse($0, contigs: contigs)) }
    return regions
  }
}
