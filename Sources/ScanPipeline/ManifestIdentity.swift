import Foundation
import Genomics

extension Manifest {
  /// What values depend on, as checksums part by part: the same for every cut of the work. Shard files carry it, so that one
  /// of another run is refused by the name of what differs.
  struct Identity: Codable, Sendable, Equatable {
    let format: Int
    let version: String
    let model, genome, regions, settings: String

    /// The first part in which another run differs, in words; `nil` when none does.
    func difference(from other: Identity) -> String? {
      if format != other.format { return "version \(other.format) of the format, not \(format)" }
      if version != other.version { return "version \(other.version) of tismscan, not \(version)" }
      if model != other.model { return "another model" }
      if genome != other.genome { return "another genome" }
      if regions != other.regions { return "other regions" }
      return settings != other.settings ? "other settings" : nil
    }

    /// One checksum for all.
    var checksum: String {
      Checksum.hex("\(format) \(version) \(model) \(genome) \(regions) \(settings)".utf8)
    }
  }

  func identity() throws -> Identity {
    struct Regions: Encodable {
      let files: [FileRecord]
      let strings: [String]
      let scored: Scored
    }
    return Identity(
      format: format, version: version, model: Checksum.hex(try Self.encode(model)),
      genome: Checksum.hex(try Self.encode(genome)),
      regions: Checksum.hex(try Self.encode(Regions(files: regionFiles, strings: regions, scored: scored))),
      settings: Checksum.hex(try Self.encode(settings)))
  }

  /// Keys that say how the work is cut.
  private static let cutKeys: Set<String> = ["shards", "unitBases"]

  /// The first place where the manifest of a folder differs from this one, as `path: that there, this here`, or `nil` when
  /// they are equal.
  /// - Parameter cut: whether the work must be cut alike too.
  func firstDifference(from there: [UInt8], cut: Bool) throws -> String? {
    let here = try encoded()
    guard there != here else { return nil }
    let options: JSONSerialization.ReadingOptions = [.fragmentsAllowed]
    guard var a = try? JSONSerialization.jsonObject(with: Data(there), options: options) as? [String: Any],
      var b = try? JSONSerialization.jsonObject(with: Data(here), options: options) as? [String: Any]
    else { return "the manifest there cannot be read" }
    // Files are known by what is in them.
    for key in ["model", "regionFiles"] {
      (a[key], b[key]) = (Self.withoutNames(a[key]), Self.withoutNames(b[key]))
    }
    if a["format"] as? Int == format, !cut {
      for key in Self.cutKeys { (a[key], b[key]) = (nil, nil) }
    }
    if cut, let there = a["shards"] as? [Any], there.count != shards.count {
      return Self.difference(a.filter { $0.key != "shards" }, b.filter { $0.key != "shards" }, at: "")
        ?? "\(there.count) shards there, \(shards.count) here"
    }
    return Self.difference(a, b, at: "")
  }

  private static func withoutNames(_ files: Any?) -> Any? {
    (files as? [[String: Any]]).map { $0.map { $0.filter { $0.key != "name" } } } ?? files
  }

  /// The first place where two settings differ, as `path: that of the first, that of the second`.
  static func firstDifference(from first: ScanSettings, to second: ScanSettings) throws -> String? {
    difference(
      try JSONSerialization.jsonObject(with: Data(encode(first))),
      try JSONSerialization.jsonObject(with: Data(encode(second))), at: "settings")
  }

  private static func difference(_ a: Any, _ b: Any, at path: String) -> String? {
    func text(_ value: Any?) -> String {
      guard let value else { return "none" }
      let data = try? JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
      let text = data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
      return text.count > 60 ? text.prefix(57) + "..." : text
    }
    if let a = a as? [String: Any], let b = b as? [String: Any] {
      // What people change comes before what follows from it.
      let order = [
        "format", "version", "model", "genome", "regionFiles", "regions", "settings", "scored", "shards", "kind",
        "name",
        "windowLength",
      ]
      let keys = Set(a.keys).union(b.keys).sorted {
        (order.firstIndex(of: $0) ?? order.count, $0) < (order.firstIndex(of: $1) ?? order.count, $1)
      }
      for key in keys {
        let inner = path.isEmpty ? key : "\(path).\(key)"
        guard let left = a[key], let right = b[key] else {
          return "\(inner): \(text(a[key])) there, \(text(b[key])) here"
        }
        if let found = difference(left, right, at: inner) { return found }
      }
      return nil
    }
    if let a = a as? [Any], let b = b as? [Any], a.count == b.count {
      for (index, pair) in zip(a, b).enumerated() {
        if let found = difference(pair.0, pair.1, at: "\(path)[\(index)]") { return found }
      }
      return nil
    }
    return text(a) == text(b) ? nil : "\(path): \(text(a)) there, \(text(b)) here"
  }
}

extension Manifest.Scored {
  init(_ set: RegionSet) {
    var checksum = Checksum()
    for interval in set.intervals { checksum.update("\(interval.contig)\t\(interval.start)\t\(interval.end)\n".utf8) }
    self.init(bases: set.baseCount, checksum: checksum.hex)
  }
}
