import Glibc
internal import HTS

/// Goes through the lines of a file of regions or features, plain, gzip or bgzip.
enum RegionLines {
  /// - Parameters:
  ///   - path: `-` is standard input where `takesStandardInput`.
  ///   - body: gets each line and returns false to stop; what it throws is reported with the line's number.
  static func read(
    path: String, takesStandardInput: Bool = false,
    _ body: (_ line: [UInt8], _ number: Int) throws(RegionFileError.Problem) -> Bool
  ) throws(RegionFileError) {
    let isStandardInput = takesStandardInput && path == "-"
    guard isStandardInput || access(path, F_OK) == 0 else { throw .missing(path: path) }
    do {
      var file = try BlockReader(path: path)
      guard isStandardInput || file.hasEndMarker else { throw RegionFileError.truncated(path: path) }
      var number = 1
      var next = try file.readLine()
      while let line = next {
        // Read on before looking: the last line before damage may be half a line.
        next = try file.readLine()
        do throws(RegionFileError.Problem) {
          guard try body(line, number) else { return }
        } catch {
          throw RegionFileError.badLine(path: path, line: number, error)
        }
        number += 1
      }
    } catch let error as RegionFileError {
      throw error
    } catch HTSError.cannotOpen(_, let reason) {
      throw .unreadable(path: path, reason: reason)
    } catch {
      throw .unreadable(path: path, reason: "the file is damaged or truncated")
    }
  }
}
