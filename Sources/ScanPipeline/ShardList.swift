/// Which shards of a run a process takes, and numbers of shards as people read and write them: counted from 1.
public enum ShardList {
  /// Numbers from texts such as `17`, `3-9` and `1,4-6`.
  /// - Parameter count: shards of the run.
  public static func parse(_ texts: [String], count: Int, flag: String = "--shard") throws(ScanError) -> [Int] {
    var numbers: Set<Int> = []
    for text in texts.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
      let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends[0], let last = ends[ends.count - 1], ends.count <= 2, first <= last else {
        throw .usage("\(flag) \(text): a number from 1, or a range such as 3-9")
      }
      guard first >= 1, last <= count else {
        throw .usage("\(flag) \(text): the run has shards 1 to \(count)")
      }
      numbers.formUnion(first...last)
    }
    return numbers.sorted()
  }

  /// Every `of`-th number from the `part`-th: `17/400`.
  public static func parse(part text: String, count: Int) throws(ScanError) -> [Int] {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let part = parts[0], let of = parts[1], 1...max(1, of) ~= part, of >= 1 else {
      throw .usage("--part \(text): write K/N with K from 1 to N, such as 17/400 for every 400th shard from the 17th")
    }
    return Array(stride(from: part, through: count, by: of))
  }

  /// Ascending numbers as text, neighbours as ranges: `1, 4-6`.
  public static func text(_ numbers: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }
}
