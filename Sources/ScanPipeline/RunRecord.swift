import Attribution
import Foundation
import Genomics

/// `run.json`: what was run on what, what every file's values mean, and how much was scored, skipped and padded. Equal runs
/// have equal bytes: no time, host or thread count.
struct RunRecord: Codable {
  struct Track: Codable {
    let files: [String]
    /// The target in full; file names hold it with characters replaced.
    let target: String
    let label: String
    let basesWithValue: Int
  }
  struct Counts: Codable {
    /// Bases of a strand with a score, and those left out because they are not A, C, G or T.
    let scoredStrandBases: Int
    let unknownStrandBases: Int
    /// Zero columns that stood for bases beyond a contig's end.
    let paddedColumns: Int
    /// Windows scored, by models that score windows.
    let windows: Int
    let calledSites: Int?
  }

  /// A file of the run as it was written.
  struct File: Codable {
    let name: String
    let bytes: Int
    let md5: String
  }

  let program: String
  let version: String
  /// Checksum of what of manifest.json decides values: everything but how the work is cut.
  let manifest: String
  /// Shards that were left out (`merge --allow-missing`); `nil` in a complete run.
  let missing: [Int]?
  let model: [Manifest.FileRecord]
  let genome: [Manifest.ContigRecord]
  let regionFiles: [Manifest.FileRecord]
  let regions: [String]
  let settings: ScanSettings
  let counts: Counts
  /// Scores that were computed again by independent ways and agreed, under `--verify`. A score that does not agree fails the
  /// run instead.
  let verification: CheckTally?
  /// How well TISM agrees with exact ISM, by a sample.
  let audit: AuditRecord?
  /// Meaning of a score of each target, by method.
  let meanings: [String: [String: String]]
  let tracks: [Track]
  /// Every file whose values the run answers for, by name.
  let files: [File]

  init(_ manifest: Manifest, checksum: String, outcome: Merger.Outcome, files: [File]) {
    program = "tismscan"
    version = manifest.version
    self.manifest = checksum
    missing = outcome.missing.isEmpty ? nil : outcome.missing
    model = manifest.model
    genome = manifest.genome
    regionFiles = manifest.regionFiles
    regions = manifest.regions
    settings = manifest.settings
    counts = Counts(
      scoredStrandBases: outcome.counts.scored, unknownStrandBases: outcome.counts.unknown,
      paddedColumns: outcome.counts.padded, windows: outcome.counts.windows, calledSites: outcome.calls?.count)
    verification = manifest.settings.verify == nil ? nil : outcome.checks
    audit = outcome.audit
    meanings = Dictionary(
      uniqueKeysWithValues: manifest.settings.methods.filter { $0 != .predict }.map { method in
        (
          method.rawValue,
          Dictionary(
            uniqueKeysWithValues: manifest.settings.targets.map {
              ($0, manifest.settings.meaning(ofScore: $0, method) + manifest.settings.ensembleText)
            })
        )
      })
    tracks = outcome.tracks.map { track in
      Track(
        files: track.files, target: track.spec.targetName,
        label: track.spec.label + (outcome.agreement(of: track.spec).map { "; \($0.summary)" } ?? ""),
        basesWithValue: track.bases)
    }
    self.files = files
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(self)) + [10]
  }
}
