import Foundation
import GenomeIO
import Glibc

/// `request.json`: what was asked for, and where the files lay. The manifest says by digests what they held; this file lets
/// `scan --run` find them, and is no part of what a run is known by.
struct RunSources: Codable {
  static let name = "request.json"

  /// Everything but where the run goes and what it runs with.
  var request: ScanRequest
  /// The genome as it was when its digests were taken.
  var genome: FileStamp

  /// Size and time of a file: while they stay, it is taken to hold what it held.
  struct FileStamp: Codable, Equatable {
    let bytes: Int
    let modifiedSeconds: Int
    let modifiedNanoseconds: Int

    /// - Returns: `nil` when the file cannot be seen.
    init?(path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      bytes = Int(status.st_size)
      modifiedSeconds = status.st_mtim.tv_sec
      modifiedNanoseconds = status.st_mtim.tv_nsec
    }
  }

  init(_ request: ScanRequest) throws {
    guard let stamp = FileStamp(path: request.genome) else { throw ReferenceError.missingFasta(path: request.genome) }
    genome = stamp
    self.request = request.withAbsolutePaths
  }

  init(of folder: RunFolder) throws {
    let path = folder.file(Self.name)
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)),
      let sources = try? JSONDecoder().decode(RunSources.self, from: data)
    else {
      throw ScanError.badInput("\(path): missing or not as tismscan wrote it; run the same tismscan plan again")
    }
    self = sources
    request.output = folder.path
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(self)) + [10]
  }
}

extension ScanRequest {
  /// The same with paths that hold wherever a command is run from.
  fileprivate var withAbsolutePaths: ScanRequest {
    func absolute(_ path: String) -> String {
      path == "-" || path.contains("://") ? path : URL(fileURLWithPath: path).standardizedFileURL.path
    }
    var request = self
    request.models = models.map {
      var model = $0
      model.path = absolute($0.path)
      model.inputs = $0.inputs.mapValues { $0 == "zeros" ? $0 : absolute($0) }
      return model
    }
    request.genome = absolute(genome)
    request.regions = regions.map(absolute)
    request.exclude = exclude.map(absolute)
    request.sites = sites.map(absolute)
    request.genes = genes.map(absolute)
    request.annotations = annotations.map(absolute)
    return request
  }
}
