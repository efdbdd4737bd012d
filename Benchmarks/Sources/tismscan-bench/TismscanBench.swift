import ArgumentParser
import Attribution
import Foundation

/// Measures tismscan's engine through its public interface, as `Benchmarks/peers` measures the others.
@main
struct TismscanBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tismscan-bench", abstract: "Measures tismscan's engine.",
    subcommands: [Serve.self, Peak.self, Overlap.self])
}

/// One cell of the table: answers requests, a line each, with a line of JSON (Benchmarks/README.md, "The protocol").
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Sets up one work on one network, then measures whenever a line on standard input asks for it.")

  @Option(help: "The ONNX file.") var model: String
  @Option(help: "\(Work.allCases.map(\.rawValue).joined(separator: ", ")).") var work: String
  @Option(help: "Threads, each with sessions of its own.") var threads: Int
  @Option(help: "A target of tismscan; repeat for several.") var target: [String]
  @Option(help: "A file with one sequence a line.") var sequences: String
  @Option(help: "Half-open ranges of columns that stand for all, such as 0-32,100-132.") var columns: String

  func run() async throws {
    guard let work = Work(rawValue: work) else {
      throw ValidationError("--work \(work): one of \(Work.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard threads > 0 else { throw ValidationError("--threads \(threads): at least one thread is needed") }
    let workload = try Workload(work: work, model: model, targets: target, sequences: sequences, sample: columns)
    let bench = try Bench(workload, threads: threads)
    try reply(Description(workload))
    while let line = readLine() {
      let words = line.split(separator: " ")
      switch words.first {
      case "measure":
        guard words.count == 2, let seconds = Double(words[1]) else { throw ValidationError("measure SECONDS") }
        try reply(await bench.measure(seconds: seconds))
      case "scores":
        guard words.count == 3, let count = Int(words[1]) else { throw ValidationError("scores SEQUENCES COLUMNS") }
        let columns = try Workload.columns(words[2], length: workload.model.length)
        try reply(SampleScores(workload, sequences: count, columns: columns))
      case "memory": try reply(["peakMemory": ProcessUsage.peakMemory])
      default: throw ValidationError("'\(line)': measure SECONDS, scores SEQUENCES COLUMNS or memory")
      }
    }
  }
}

/// The measured multiply-add peak of 1 and 2 threads.
struct Peak: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures the float multiply-adds a second that registers alone allow.")

  @Option(help: "Threads.") var threads = 1
  @Option(help: "Seconds.") var seconds = 1.0

  func run() async throws {
    let seconds = seconds
    let total = await withTaskGroup(of: Double.self) { group in
      for _ in 0..<threads { group.addTask { MultiplyAddPeak.measure(seconds: seconds) } }
      return await group.reduce(0, +)
    }
    try reply(["multiplyAddsPerSecond": total])
  }
}

/// Prints a line of JSON and hands it over at once.
func reply(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys]
  var line = try encoder.encode(value)
  line.append(UInt8(ascii: "\n"))
  try FileHandle.standardOutput.write(contentsOf: line)
}
