import Attribution
import Foundation
import Genomics
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport

@testable import ScanPipeline

/// A genome in a temporary folder and scans of it with small networks.
struct ScanFixture {
  let folder = TemporaryFolder()
  let contigs: [(name: String, bases: String)]
  var genome: String { folder.file("genome.fa") }

  init(_ contigs: [(name: String, bases: String)]) throws {
    self.contigs = contigs
    let text = contigs.map { contig in
      let lines = stride(from: 0, to: contig.bases.count, by: 60).map { start in
        String(contig.bases.dropFirst(start).prefix(60))
      }
      return ">\(contig.name)\n" + lines.map { $0 + "\n" }.joined()
    }
    folder.write("genome.fa", text.joined())
    _ = try Shell.output("samtools faidx \(folder.file("genome.fa"))")
  }

  /// Random bases, with runs of N and lower case as real genomes have.
  static func bases(_ count: Int, seed: UInt64, unknown: [Range<Int>] = []) -> String {
    var random = SplitMix64(seed: seed)
    var letters = random.bases(count: count).map { Array("ACGT")[Int($0)] }
    for range in unknown { for position in range { letters[position] = "N" } }
    for position in min(50, count)..<min(80, count) { letters[position] = Character(letters[position].lowercased()) }
    return String(letters)
  }

  static func reverseComplement(_ bases: String) -> String {
    let pairs: [Character: Character] = ["A": "T", "C": "G", "G": "C", "T": "A", "N": "N"]
    return String(bases.uppercased().reversed().map { pairs[$0]! })
  }

  func request(_ output: String, _ change: (inout ScanRequest) -> Void = { _ in }) -> ScanRequest {
    var request = ScanRequest(
      models: [ModelRequest(path: "model.onnx")], genome: genome, output: folder.file(output), version: "test")
    request.formats = [.bigwig, .bedgraph]
    request.resources.threads = 2
    // A few, because debug builds take seconds to resample thousands.
    request.audit = 60
    change(&request)
    return request
  }

  func run(_ request: ScanRequest, _ model: ScanModel) async throws { try await Self.run(request, model) }

  static func run(_ request: ScanRequest, _ model: ScanModel) async throws {
    try await Scan(request, progress: Progress(isTerminal: false, isQuiet: true) { _ in }).run([model])
  }

  /// Scans with an ensemble.
  func run(_ request: ScanRequest, _ models: [ScanModel]) async throws {
    var request = request
    request.models = models.map { ModelRequest(path: $0.fileRecords[0].name) }
    try await Scan(request, progress: Progress(isTerminal: false, isQuiet: true) { _ in }).run(models)
  }

  /// Values of a bedGraph track by contig; NaN where there is none.
  func track(_ output: String, _ stem: String) throws -> [String: [Float]] {
    var values = Dictionary(
      uniqueKeysWithValues: contigs.map { ($0.name, [Float](repeating: .nan, count: $0.bases.count)) })
    for line in try Shell.output("zcat \(folder.file(output))/\(stem).bedGraph.gz").split(separator: "\n") {
      let fields = line.split(separator: "\t")
      for position in Int(fields[1])!..<Int(fields[2])! { values[String(fields[0])]![position] = Float(fields[3])! }
    }
    return values
  }

  /// Digest of every file of a run but logs and where its sources lay, by name.
  /// - Parameter shards: whether the pieces and how the work is cut count too.
  func digests(_ output: String, shards: Bool = true) throws -> String {
    let cut = shards ? "" : "! -path './shards/*' ! -name manifest.json"
    return try Shell.output(
      "cd \(folder.file(output)) && find . -type f ! -path './log/*' ! -name request.json \(cut) | LC_ALL=C sort "
        + "| xargs md5sum")
  }
}

/// A per-position network that is one linear filter: `F_n = bias + sum over k, b of weight[k][b] x[b, n + k - before]`.
struct LinearFilter: Sendable {
  /// Shape `[channels][taps][4]`.
  let weights: [[[Float]]]
  let bias: Float
  let before: Int

  func model(offset: Int = 0, strands: StrandModel = .stranded, name: String = "model", fault: Fault? = nil) throws
    -> ScanModel
  {
    let network = try Network(fixedLength: nil) { batch, length in
      let taps = weights[0].count
      let flat = weights.flatMap { channel in (0..<4).flatMap { base in (0..<taps).map { channel[$0][base] } } }
      var builder = GraphBuilder(batch: batch, length: length)
      let conv = try Convolution(
        weight: ConstantTensor(shape: [weights.count, 4, taps], floats: flat),
        bias: ConstantTensor(shape: [weights.count], values: Array(repeating: Double(bias), count: weights.count)),
        padding: (before, taps - 1 - before))
      let y = try builder.apply(conv, to: builder.sequence, name: "filter")
      return builder.graph(outputs: [y]).breaking("filter", fault)
    }
    var settings = OutputSettings()
    settings.activation = .logit
    settings.offset = offset
    settings.strands = strands
    settings.channel = 0
    return ScanModel(
      network: network, kind: try network.settledKind(settings), output: settings,
      fileRecords: [.init(name: "\(name).onnx", md5: name)])
  }

  /// F along a sequence, by the definition.
  func outputs(_ bases: String, channel: Int = 0) -> [Double] {
    let codes = Base.encode(bases.utf8)
    return codes.indices.map { n in
      weights[channel].indices.reduce(Double(bias)) { sum, tap in
        let position = n + tap - before
        guard codes.indices.contains(position), codes[position] < 4 else { return sum }
        return sum + Double(weights[channel][tap][Int(codes[position])])
      }
    }
  }
}

/// A small per-window network: a dense layer, tanh, two outputs.
func windowModel(length: Int, strands: StrandModel = .stranded, seed: UInt64 = 77, fault: Fault? = nil) throws
  -> ScanModel
{
  let network = try Network(fixedLength: length) { batch, length in
    var random = SplitMix64(seed: seed)
    func weights(_ shape: Shape) -> ConstantTensor {
      ConstantTensor(shape: shape, floats: random.floats(count: shape.count))
    }
    var builder = GraphBuilder(batch: batch, length: length)
    let flat = try builder.apply(Reshape(to: [batch, length * 4]), to: builder.sequence, name: "flat")
    let hidden = try builder.apply(
      Dense(weight: weights([length * 4, 6]), bias: weights([6])), to: flat, name: "dense")
    let active = try builder.apply(Unary(.tanh), to: hidden, name: "tanh")
    let y = try builder.apply(Dense(weight: weights([6, 2]), bias: nil), to: active, name: "head")
    return builder.graph(outputs: [y]).breaking("dense", fault)
  }
  var settings = OutputSettings()
  settings.strands = strands
  return ScanModel(
    network: network, kind: try network.settledKind(settings), output: settings,
    fileRecords: [.init(name: "window\(seed).onnx", md5: "\(seed)")])
}
