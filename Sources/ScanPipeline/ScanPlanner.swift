import Attribution
import Foundation
import GenomeIO
import Genomics

/// Settles a request against models, genome and regions.
struct ScanPlanner {
  let request: ScanRequest
  /// One, or those of an ensemble.
  let models: [ScanModel]

  /// A settled run: what is written down, and what scores it.
  struct Plan {
    var manifest: Manifest
    let scanner: ShardScanner
    fileprivate(set) var shardPlan: ShardPlan

    /// Cuts the work anew.
    mutating func cut(into count: Int) { manifest.shards = shardPlan.shards(count) }
  }

  /// - Parameters:
  ///   - planned: the manifest of the run that is scanned.
  ///   - genomeIsKnown: whether its genome is known to be unchanged: contigs are not read again then.
  func plan(_ reader: borrowing ReferenceReader, planned: Manifest? = nil, genomeIsKnown: Bool = false) throws -> Plan {
    let contigs = reader.contigs.inTrackOrder()
    let known = genomeIsKnown ? planned : nil
    if let planned, planned.contigs != contigs {
      throw ScanError.badInput(
        "\(request.genome): other contigs than the run was planned with; --genome says where its genome lies now")
    }
    // The machines that scan a run need not have what is only shown beside its tracks.
    if planned == nil { try checkAnnotations() }
    let circularNames = try planned.map { $0.settings.circular } ?? circular(contigs)
    // Regions from standard input are not there a second time.
    let asked = request.regions == "-" ? planned?.regionsAsked : nil
    let regions = try asked ?? regions(contigs: reader.contigs)
    let excluded = try request.exclude.map {
      RegionSet(try RegionFile.read(path: $0, contigs: reader.contigs).map(\.interval), contigs: contigs)
    }

    for (number, model) in models.enumerated().dropFirst() where model.kind.name != models[0].kind.name {
      throw ScanError.badInput(
        "--model \(request.models[number].path): a model of \(model.kind.name)s, and \(request.models[0].path) is one of "
          + "\(models[0].kind.name)s; the models of an ensemble must be of one kind (--output-kind)")
    }
    let first = try ModelPlanner(request, models[0]).plan(contigs, regions, circular: circularNames)
    var settings = first.settings
    var plans = [first.plan]
    for (number, model) in models.enumerated().dropFirst() {
      let plan = try ModelPlanner(request, model).plan(contigs, regions, circular: circularNames)
      try checkAlike(plan.settings, settings, number)
      plans.append(plan.plan)
    }
    settings.models = models.count > 1 ? models.count : nil
    var scored: RegionSet
    switch first.plan {
    case .positions: scored = regions.map { RegionSet($0.map(\.interval), contigs: contigs) } ?? RegionSet(all: contigs)
    case .windows(_, let placements):
      scored = covered(placements[.plus]!, contigs)
      if settings.windowAt == .tile, let regions {
        scored = scored.intersecting(RegionSet(regions.map(\.interval), contigs: contigs))
      }
    }
    if let excluded { scored = scored.subtracting(excluded) }
    guard !scored.isEmpty else { throw ScanError.badInput("no base is left to score: check --regions and --exclude") }

    try checkNames(settings)
    let strands = settings.scannedStrands
    let sampling = try audit(plans, strandBases: scored.baseCount * strands.count, contigs, &settings)
    let files = [request.regions, request.exclude, request.genes].compactMap { $0 }
    let circular = Set(contigs.indices.filter { circularNames?.contains(contigs[$0].name) == true })
    let numbers = Dictionary(uniqueKeysWithValues: contigs.enumerated().map { ($1.name, $0) })
    let shardPlan = ShardPlan(
      stretches: scored.intervals.map { Manifest.Stretch(contig: numbers[$0.contig]!, start: $0.start, end: $0.end) },
      strands: strands.count, keepsBlocks: settings.keepsBlocks, costOfBase: try ScanCost(plans, settings).ofBase,
      bytesOfBase: settings.bytesOfBase, step: settings.step)
    let count: Int = if case .count(let count) = request.cut { count } else { shardPlan.defaultCount }
    let manifest = Manifest(
      version: request.version, model: models.flatMap(\.fileRecords), genome: try genome(contigs, reader, known),
      regionFiles: try files.filter { $0 != "-" }.map {
        Manifest.FileRecord(name: ScanModel.lastComponent($0), md5: try FileDigest.md5(path: $0))
      },
      regions: request.regionStrings, scored: Manifest.Scored(scored), settings: settings, unitBases: shardPlan.unit,
      shards: shardPlan.shards(count))
    return Plan(
      manifest: manifest,
      scanner: ShardScanner(
        contigs: contigs, circular: circular, plans: plans, methods: settings.methods, engine: settings.engine,
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
    guard models.count == 1, let model = models.first else {
      throw ScanError.usage("--sites scores with one --model")
    }
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
    try checkAnnotations()
    let planner = ModelPlanner(request, model)
    var settings = try planner.settings(circular: try circular(reader.contigs.inTrackOrder()))
    settings.sites = true
    settings.targets = ["site"]
    let positions = try planner.positionModels(layout, &settings)
    let manifest = Manifest(
      version: request.version, model: model.fileRecords,
      genome: try genome(reader.contigs.inTrackOrder(), reader, nil),
      regionFiles: [
        Manifest.FileRecord(
          name: ScanModel.lastComponent(request.sites!), md5: try FileDigest.md5(path: request.sites!))
      ],
      regions: [], scored: Manifest.Scored(bases: 0, checksum: ""), settings: settings, unitBases: 0, shards: [])
    return (manifest, positions[0])
  }

  private func checkAnnotations() throws {
    for path in request.annotations
    where !path.contains("://") && !FileManager.default.fileExists(atPath: path) {
      throw ScanError.badInput("--annotation \(path): no such file")
    }
  }

  /// Better now than after days of scanning.
  private func checkNames(_ settings: ScanSettings) throws {
    // Beside the longest extension a temporary name has the names of the machine and the process.
    let room = 255 - 120
    for track in settings.trackStrands.flatMap(settings.tracks) where track.stem.utf8.count > room {
      throw ScanError.usage(
        "--target \(track.targetName): its tracks' names would be longer than file systems allow; name the output by its "
          + "number")
    }
  }

  // MARK: Contigs and regions

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

  private func covered(_ placements: [WindowPlacement], _ contigs: [Contig]) -> RegionSet {
    RegionSet(
      zip(contigs, placements).flatMap { contig, placement in
        placement.covered.map { Interval(contig: contig.name, start: $0.lowerBound, end: $0.upperBound) }
      }, contigs: contigs)
  }

  // MARK: Ensembles

  /// The models of an ensemble are scored in the same windows for the same targets.
  private func checkAlike(_ settings: ScanSettings, _ first: ScanSettings, _ number: Int) throws {
    let path = request.models[number].path
    if let twin = models[..<number].firstIndex(where: {
      $0.fileRecords.map(\.md5) == models[number].fileRecords.map(\.md5)
    }) {
      throw ScanError.usage("--model \(path): the same network as \(request.models[twin].path); name each model once")
    }
    // Where its first output lies is a model's own matter.
    var own = settings
    own.first = first.first
    guard let difference = try Manifest.firstDifference(from: first, to: own) else { return }
    throw ScanError.badInput(
      "--model \(path): the models of an ensemble must have the same windows, targets and kind of output, but "
        + "\(difference) (there: \(request.models[0].path), here: this model); scan it alone")
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

extension SettledKind {
  /// What such a model has one set of outputs for.
  fileprivate var name: String { if case .position = self { "position" } else { "window" } }
}
