import Attribution
import Foundation
import Genomics
import TrackIO

/// What a person asks of `correlate`.
public struct CorrelateRequest: Sendable {
  /// Paths of two files of `score`; the second is what the first is judged against.
  public var first, second: String
  /// Names of the arrays to compare; the only scores of a file when `nil`.
  public var firstArray, secondArray: String?
  /// Path of a JSON file to write besides.
  public var json: String?

  public init(first: String, second: String) {
    self.first = first
    self.second = second
  }
}

/// Compares two score files, target by target.
public struct CorrelateRun {
  private let request: CorrelateRequest

  public init(_ request: CorrelateRequest) { self.request = request }

  /// The comparison as it is printed and written.
  struct Report: Codable {
    struct Array: Codable {
      let file: String
      let array: String
    }
    struct Target: Codable {
      let target: String
      /// Pairs left out because a score is absent (NaN).
      let absent: Int
      let agreement: Agreement
    }
    let first: Array
    let second: Array
    let targets: [Target]
  }

  /// Compares, writes the JSON file if one was asked for, and returns the table.
  public func run() throws -> String {
    let first = try ScoreFile(request.first, array: request.firstArray, flag: "--first")
    let second = try ScoreFile(request.second, array: request.secondArray, flag: "--second")
    let names = try first.check(against: second)
    let report = Report(
      first: .init(file: first.path, array: first.name), second: .init(file: second.path, array: second.name),
      targets: names.enumerated().map { number, name in
        let pairs = first.pairs(with: second, target: number)
        return Report.Target(target: name, absent: pairs.absent, agreement: Agreement(pairs))
      })
    if let path = request.json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      var file = try AtomicFile(path: path)
      try file.write([UInt8](try encoder.encode(report)) + [10])
      try file.commit()
    }
    return table(report)
  }

  /// One line a target: each measure with its interval.
  private func table(_ report: Report) -> String {
    let head = [
      "target", "edits", "pearson", "spearman", "slope", "sign_agreement", "recall_top_percent", "absent",
    ]
    let rows = report.targets.map { target -> [String] in
      let found = target.agreement
      let measures = [found.pearson, found.spearman, found.slope, found.signAgreement, found.topRecall]
      return [target.target, "\(found.pairs)"] + measures.map(Self.text) + ["\(target.absent)"]
    }
    return ([head] + rows).map { $0.joined(separator: "\t") }.joined(separator: "\n") + "\n"
  }

  private static func text(_ estimate: Agreement.Estimate?) -> String {
    guard let estimate else { return "-" }
    let value = fixed(estimate.value, digits: 4)
    guard let low = estimate.low, let high = estimate.high else { return value }
    return "\(value) (\(fixed(low, digits: 4)) to \(fixed(high, digits: 4)))"
  }
}
