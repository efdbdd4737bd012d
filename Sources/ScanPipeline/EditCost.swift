import Attribution
import Engine

/// What scoring is predicted to cost, and the plan of exact ISM: from shapes and operation counts alone.
public struct EditCost: Codable, Sendable {
  /// One operator of the plan.
  public struct Step: Codable, Sendable {
    public let name: String
    public let `operator`: String
    /// `rule` (its difference rule), `widened` (the same on whole values) or `recomputed` (in float64, in full).
    public let way: String
    /// Rows that an edit can change, and all rows of the result.
    public let rowsChanged, rows: Int?
    /// Multiply-adds of one edit, and of one full pass.
    public let multiplyAdds, multiplyAddsInFull: Int
    /// Predicted time of one edit in multiply-adds of the linear kernels.
    public let kernelTime: Int
  }

  /// Bases of the window or tile that the numbers are for.
  public let length: Int
  /// Multiply-adds of a prediction.
  public let predict: Int
  /// One target: one forward and one backward pass.
  public let tism: Int
  /// Of the pass that one edit takes without differences.
  public let naiveEdit: Int
  /// The whole window or tile that way.
  public let ismNaive: Int
  /// Of one edit by difference propagation; `nil` where the export fixed a batch of more than one sequence, which rules it
  /// out.
  public let edit: Int?
  /// Time of one edit, and of the pass that it takes without differences, in multiply-adds of the linear kernels: other
  /// operators count as many as take their time, what is recomputed in float64 many times.
  public let editInKernelTime: Int?
  public let naiveEditInKernelTime: Int
  /// Of the pass that the differences of a window or tile start from.
  public let reference: Int?
  /// The whole window or tile by difference propagation.
  public let ism: Int?
  /// Operators in the order they run, without those that only give a value another shape.
  public let plan: [Step]
  /// Whether `--engine fast` takes difference propagation, or a forward pass an edit because that costs less.
  public let prefersDifferences: Bool

  /// - Parameter naiveLength: bases of the pass that one edit takes without differences.
  init(_ network: Network, length: Int, naiveLength: Int) throws {
    let edits = 3 * length
    self.length = length
    predict = try network.multiplyAdds(length: length)
    tism = 2 * predict
    naiveEdit = try network.multiplyAdds(length: naiveLength)
    ismNaive = predict + edits * naiveEdit
    naiveEditInKernelTime = try network.kernelTime(length: naiveLength)
    prefersDifferences = try network.prefersDifferences(length: length, naiveLength: naiveLength)
    guard network.fixedBatch ?? 1 == 1 else {
      (edit, editInKernelTime, reference, ism, plan) = (nil, nil, nil, nil, [])
      return
    }
    let program = try network.differenceProgram(length: length)
    edit = program.multiplyAddsPerEdit
    editInKernelTime = program.kernelTimePerEdit
    reference = program.multiplyAdds
    ism = program.multiplyAdds + edits * program.multiplyAddsPerEdit
    plan = program.plan.map {
      Step(
        name: $0.name, operator: $0.kind, way: $0.route.rawValue, rowsChanged: $0.rows?.changed, rows: $0.rows?.of,
        multiplyAdds: $0.multiplyAdds, multiplyAddsInFull: $0.multiplyAddsInFull, kernelTime: $0.kernelTime)
    }
  }

  /// The numbers as text.
  var lines: [String] {
    var lines = [
      "multiply-adds for \(length) bases, one target", "  predict    \(grouped(predict))",
      "  TISM       \(grouped(tism))",
      "  ISM        " + (ism.map { "\(grouped($0)) by difference propagation, " } ?? "")
        + "\(grouped(ismNaive)) by a forward pass an edit",
      "             --engine fast takes \(prefersDifferences ? "differences" : "forward passes")",
    ]
    guard let edit, let editInKernelTime, let reference else {
      return lines + ["             the export fixed a batch: differences take one sequence at a time"]
    }
    lines += [
      "plan of exact ISM by differences", "  reference pass   \(grouped(reference)), once",
      "  one edit         \(grouped(edit)) instead of \(grouped(naiveEdit))"
        + "; predicted to take \(fixed(Double(editInKernelTime) / Double(max(1, naiveEditInKernelTime)), digits: 3)) of a pass's time",
    ]
    let rows =
      [["operator", "way", "rows changed", "multiply-adds", "of the time", "node"]]
      + plan.map { step in
        [
          step.operator, step.way, step.rowsChanged.map { "\($0) of \(step.rows!)" } ?? "none",
          grouped(step.multiplyAdds),
          editInKernelTime > 0 ? "\(fixed(100 * Double(step.kernelTime) / Double(editInKernelTime), digits: 1)) %" : "",
          step.name,
        ]
      }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    return lines
      + rows.map { row in
        "  "
          + row.enumerated().map { column, text in
            let space = String(repeating: " ", count: column == row.count - 1 ? 0 : widths[column] - text.count)
            // Numbers end in line.
            return 2...4 ~= column ? space + text : text + space
          }.joined(separator: "  ")
      }
  }

  /// Digits in groups of three.
  private func grouped(_ number: Int) -> String {
    String(
      String(number).reversed().enumerated().flatMap { $0 > 0 && $0 % 3 == 0 ? [",", $1] : [$1] }.reversed())
  }
}
