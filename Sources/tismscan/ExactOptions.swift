import ArgumentParser
import ScanPipeline

/// How exact scores are computed, and checked.
struct ExactOptions: ParsableArguments {
  @Option(name: .long, help: "How ISM is computed: fast (difference propagation) or naive (a forward pass an edit).")
  var engine = "fast"

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Fraction of the edits, 0 to 1, whose scores are computed again by independent ways; one that differs fails the run.",
      valueName: "p"))
  var verify: Double?

  func substitutionEngine() throws -> SubstitutionEngine { try choice(engine, "--engine") }
}
