import Attribution
import Genomics
import ONNXImport

/// Settles a request against one model: what is scored, and in which windows.
struct ModelPlanner {
  private let request: ScanRequest
  private let model: ScanModel

  init(_ request: ScanRequest, _ model: ScanModel) { (self.request, self.model) = (request, model) }

  /// - Parameters:
  ///   - contigs: in track order.
  ///   - regions: asked for, in the order given; `nil` for the whole genome.
  ///   - circular: names of the circular contigs.
  func plan(_ contigs: [Contig], _ regions: [Region]?, circular: [String]?) throws -> (
    settings: ScanSettings, plan: ShardScanner.Plan
  ) {
    var settings = try settings(circular: circular)
    switch model.kind {
    case .position(let layout):
      let targets = try positionTargets(&settings)
      let models = try positionModels(layout, &settings)
      return (settings, .positions(models: models, targets: targets))
    case .window:
      let windows = try windowModel(&settings)
      let placements = try placements(windows.length, contigs, regions, settings)
      return (settings, .windows(windows, placements: placements))
    }
  }

  /// - Parameter circular: names of the circular contigs.
  func settings(circular: [String]?) throws -> ScanSettings {
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
    settings.circular = circular
    return settings
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

  func positionModels(_ layout: PositionLayout, _ settings: inout ScanSettings) throws -> [PositionModel] {
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
}
