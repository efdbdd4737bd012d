import Attribution
import TrackIO

/// The scores of a file of `score`, read back.
struct ScoreFile {
  let path: String
  /// Name of the array of scores.
  let name: String
  /// `[n, T, 4, L]`, or `[n, T, starts]` of replacements.
  let shape: [Int]
  private let scores: [Float]
  /// Base codes `[n, L]`.
  private let sequences: [Int]
  private let targets: [String]?

  /// Arrays that hold one score an edit.
  static let kinds = ["ism", "tism", "ism_replace"]

  /// - Parameter flag: the option that names the array, for messages.
  init(_ path: String, array: String?, flag: String) throws {
    self.path = path
    let names = try NumPyFile.names(path: path)
    let found = Self.kinds.filter(names.contains)
    if let array {
      guard names.contains(array) else {
        throw ScanError.usage("\(flag) \(array): \(path) holds \(names.joined(separator: ", "))")
      }
      name = array
    } else if found.count == 1 {
      name = found[0]
    } else {
      throw found.isEmpty
        ? ScanError.badInput(
          "\(path): no scores (\(Self.kinds.joined(separator: ", "))) in it; it holds \(names.joined(separator: ", "))")
        : ScanError.usage("\(path) holds \(found.joined(separator: " and ")): say which with \(flag)")
    }
    let arrays = try NumPyFile.readNPZ(path: path, only: [name, "sequences"])
    guard let codes = arrays["sequences"], let sequences = codes.integers, codes.shape.count == 2 else {
      throw ScanError.badInput("\(path): no array sequences (n, L): write the file with tismscan score")
    }
    let (scores, n, length) = (arrays[name]!, codes.shape[0], codes.shape[1])
    shape = scores.shape
    let isMap = shape.count == 4 && shape[0] == n && shape[2] == 4 && shape[3] == length
    guard isMap || shape.count == 3 && shape[0] == n && shape[2] <= length else {
      throw ScanError.badInput(
        "\(path): \(name) has shape \(Self.text(shape)), which is neither (n, T, 4, L) nor (n, T, starts) for sequences "
          + "of shape \(Self.text(codes.shape))")
    }
    self.scores = scores.floats
    self.sequences = sequences
    targets = try NumPyFile.readTexts(path: path, name: "targets")
    if let targets, targets.count != shape[1] {
      throw ScanError.badInput("\(path): \(targets.count) targets for \(name) of shape \(Self.text(shape))")
    }
    if let bad = self.scores.first(where: \.isInfinite) {
      throw ScanError.badInput("\(path): \(name) holds \(bad)")
    }
  }

  /// Names of the targets that both files score alike.
  func check(against other: ScoreFile) throws -> [String] {
    guard shape == other.shape else {
      throw ScanError.badInput(
        "\(path): \(name) has shape \(Self.text(shape)), \(other.path): \(other.name) has \(Self.text(other.shape)); "
          + "score the same sequences for the same targets")
    }
    if let mine = targets, let theirs = other.targets,
      let number = mine.indices.first(where: { mine[$0] != theirs[$0] })
    {
      throw ScanError.badInput(
        "target \(number) is \(mine[number]) in \(path) and \(theirs[number]) in \(other.path); score the same targets "
          + "in the same order")
    }
    if let index = sequences.indices.first(where: { sequences[$0] != other.sequences[$0] }) {
      throw ScanError.badInput(
        "\(path) and \(other.path) hold other sequences (the first difference is in sequence "
          + "\(index / max(1, length)), counted from 0); score the same ones in the same order")
    }
    return targets ?? other.targets ?? (0..<shape[1]).map(String.init)
  }

  private var length: Int { shape[0] == 0 ? 0 : sequences.count / shape[0] }

  /// Fewest units that their spread can be read from.
  private static let fewestUnits = 20
  /// Units that columns are grouped into when there are fewer sequences than that.
  private static let columnGroups = 200

  /// Pairs of one target; entries of reference and unknown bases are left out. Neighbouring edits are alike, so that
  /// sequences are the units that are resampled, or runs of columns where there are few sequences.
  func pairs(with other: ScoreFile, target: Int) -> ScorePairs {
    var pairs = ScorePairs()
    let (n, targets, columns) = (shape[0], shape[1], shape[shape.count - 1])
    let rows = shape.count == 4 ? 4 : 1
    let run = n >= Self.fewestUnits ? max(1, columns) : max(1, n * columns / Self.columnGroups)
    for sequence in 0..<n {
      let first = (sequence * targets + target) * rows * columns
      for column in 0..<columns {
        if column % run == 0 { pairs.beginUnit() }
        let code = sequences[sequence * length + column]
        for row in 0..<rows where rows == 1 || code < 4 && row != code {
          let index = first + row * columns + column
          pairs.append(scores[index], other.scores[index])
        }
      }
    }
    return pairs
  }

  private static func text(_ shape: [Int]) -> String { "(\(shape.map(String.init).joined(separator: ", ")))" }
}
