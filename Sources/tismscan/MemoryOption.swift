import ArgumentParser
import ScanPipeline

/// How much memory a scan may take.
struct MemoryOption: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Memory that the scan may take, such as 800M or 4G: fewer threads and shorter tiles when it is tight. Default: 1G \
      besides what the model takes, or half of what the control group allows when that is less.
      """, valueName: "size"))
  var maxMemory: String?

  /// Bytes; `nil` for the default.
  func bytes() throws -> Int? {
    guard let text = maxMemory else { return nil }
    let units: [Character: Double] = ["K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40]
    let unit = text.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Double(unit == nil ? text : String(text.dropLast())), number > 0, number * (unit ?? 1) < 0x1p60
    else {
      throw ScanError.usage("--max-memory \(text): a size such as 800M or 4G")
    }
    return Int(number * (unit ?? 1))
  }
}
