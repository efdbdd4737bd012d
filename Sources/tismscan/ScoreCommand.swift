import ArgumentParser
import Attribution
import ScanPipeline

struct ScoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Scores sequences of the model's length into an npz.",
    discussion: """
      Arrays: sequences (n, L) uint8 with A C G T = 0 1 2 3 and N = 4; names; targets; prediction (n, T); and ism or tism \
      (n, T, 4, L) float32, rows A C G T, 0 at the reference base. Formulas are in docs/formats.md.

      Targets: OUT:IDX (output number or name, flat index), OUT:A-B (half-open sum), OUT:sum, OUT:A-B:profile (profile \
      score), 'T1 - T2'; for models with one output a base also weighted, weighted-mean, probability, logit. Default: every \
      entry of a single output of at most 16.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var run: RunOptions

  @Option(name: .long, help: "FASTA of sequences of the model's length, plain or gzip; - is standard input.")
  var sequences: String

  @Option(name: .long, help: "predict, tism or ism.")
  var method = "tism"

  @Option(name: .long, parsing: .upToNextOption, help: "What is scored; several share one forward pass.")
  var target: [String] = []

  @OptionGroup var exact: ExactOptions

  @Option(name: .long, parsing: .upToNextOption, help: "Maps to add: corrected, gradient-x-input.")
  var map: [String] = []

  @Option(
    name: .long,
    help: """
      Replace neighbouring bases instead (ISM): zero, a letter for all of them, or one letter each. Array ism_replace \
      (n, T, L - width + 1): f(bases i to i + width - 1 replaced) - f(reference).
      """)
  var replace: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Bases that --replace replaces at once; default 1, or the letters given.")
  var width: Int?

  @Option(name: [.long, .short], help: "The npz to write.")
  var output: String

  func run() async throws {
    let models = try model.requests(to: "score")
    guard models.count == 1 else {
      throw ScanError.usage(
        "--model: score takes one network; scan averages several, and score files of each can be averaged")
    }
    guard model.strandModel == nil else {
      throw ScanError.usage(
        "--strand-model is for scan; score takes sequences as they are: score the reverse complements too, and average")
    }
    var request = ScoreRequest(model: models[0], sequences: sequences, output: output)
    request.method = try choice(method, "--method")
    request.targets = target
    request.engine = try exact.substitutionEngine()
    request.verify = exact.verify
    request.maps = try choices(map, "--map")
    request.replacement = try replacement()
    request.threads = try run.resources().threads
    let (final, options) = (request, run)
    try await Interruption.cancelling { try await ScoreRun(final, progress: options.progress()).run() }
  }

  private func replacement() throws -> Replacement? {
    guard let replace else {
      if let width { throw ScanError.usage("--width \(width) is for --replace zero or --replace BASES") }
      return nil
    }
    let width = width ?? (replace.lowercased() == "zero" ? 1 : max(1, replace.utf8.count))
    guard width > 0 else { throw ScanError.usage("--width \(width): at least one base") }
    guard let replacement = Replacement(parsing: replace, width: width) else {
      throw ScanError.usage(
        "--replace \(replace): zero, or letters of A C G T N, one for all \(width) bases or \(width) of them")
    }
    return replacement
  }
}
