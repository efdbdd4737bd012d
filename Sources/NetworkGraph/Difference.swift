public import Tensors

/// How the differences of a value are stored: it is seen as `rows` of `rowSize` floats (positions of channels, or one row),
/// and each edit keeps `width` neighbouring rows of it.
public struct DifferenceLayout: Hashable, Sendable {
  public var rows: Int
  public var rowSize: Int
  /// Rows kept an edit; everything outside is unchanged.
  public var width: Int
  /// Where the kept rows start; `nil` when they always start at row 0.
  public var window: PositionWindow?

  public init(rows: Int, rowSize: Int, width: Int, window: PositionWindow?) {
    self.rows = rows
    self.rowSize = rowSize
    self.width = width
    self.window = window
  }

  /// Every row is kept.
  public static func full(rows: Int, rowSize: Int) -> DifferenceLayout {
    DifferenceLayout(rows: rows, rowSize: rowSize, width: rows, window: nil)
  }

  /// True when every row is kept: the differences of an edit lie as the value's own elements do.
  public var isWhole: Bool { window == nil && width == rows }

  /// First kept row for an edit at input position `position`; may be negative or leave rows past the end.
  public func start(for position: Int) -> Int {
    guard let window else { return 0 }
    let numerator = position - window.ahead
    return numerator >= 0 ? (numerator + window.step - 1) / window.step : -(-numerator / window.step)
  }

  /// Floats kept an edit.
  public var count: Int { width * rowSize }
}

/// The differences of one value for all edits of a batch: `[edits, width, rowSize]`, zero in rows outside the value.
public struct DifferenceBlock {
  public let layout: DifferenceLayout
  public let edits: Int
  /// First kept row of each edit.
  public let starts: UnsafePointer<Int>
  public let base: UnsafeMutablePointer<Float>

  public init(layout: DifferenceLayout, edits: Int, starts: UnsafePointer<Int>, base: UnsafeMutablePointer<Float>) {
    self.layout = layout
    self.edits = edits
    self.starts = starts
    self.base = base
  }

  /// The kept rows of one edit.
  public func rows(of edit: Int) -> UnsafeMutablePointer<Float> { base + edit * layout.count }

  /// Which kept rows of an edit lie inside the value, counted from its first kept row.
  public func inside(_ edit: Int) -> Range<Int> {
    // A window may lie beyond either end altogether: no row is inside then.
    let low = min(layout.width, max(0, -starts[edit]))
    return low..<max(low, min(layout.width, layout.rows - starts[edit]))
  }

  /// Clears the kept rows that lie outside the value.
  public func clearOutside() {
    for edit in 0..<edits {
      let inside = inside(edit)
      if inside.count == layout.width { continue }
      let rows = rows(of: edit)
      rows.update(repeating: 0, count: inside.lowerBound * layout.rowSize)
      (rows + inside.upperBound * layout.rowSize).update(
        repeating: 0, count: (layout.width - inside.upperBound) * layout.rowSize)
    }
  }
}

/// Memory of one operator's difference rule.
public struct DifferenceCall {
  /// Differences of the inputs; `nil` for those that do not change.
  public let inputs: [DifferenceBlock?]
  public let output: DifferenceBlock
  /// Reference values of the inputs.
  public let inputReferences: [TensorView]
  /// Reference values of the output.
  public let outputReference: TensorView
  /// What `prepareDifferences` left for this reference.
  public let state: UnsafePointer<Float>
  /// `differenceScratchCount` floats with any content.
  public let scratch: UnsafeMutablePointer<Float>
  private let doubts: UnsafeMutablePointer<Int>?

  /// - Parameter doubts: one number an edit, which ``doubt(_:)`` sets; `nil` where nobody asks.
  public init(
    inputs: [DifferenceBlock?], output: DifferenceBlock, inputReferences: [TensorView], outputReference: TensorView,
    state: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>, doubts: UnsafeMutablePointer<Int>? = nil
  ) {
    self.inputs = inputs
    self.output = output
    self.inputReferences = inputReferences
    self.outputReference = outputReference
    self.state = state
    self.scratch = scratch
    self.doubts = doubts
  }
}

extension DifferenceCall {
  /// Has the edit evaluated by a full pass: so little is left of a reference that its rounding shows in the result. Functions that
  /// are steep near zero, such as a logarithm or a root, magnify it.
  public func doubt(_ edit: Int) { doubts?[edit] = 1 }

  /// Whether the sum of a reference and its change is as small as that.
  @inline(__always)
  public static func leavesLittle(_ reference: Float, _ change: Float) -> Bool {
    abs(reference + change) < abs(reference) / 64
  }

  /// For functions of one variable: the kept elements of every edit that lie inside the value, and zeros in the rows outside.
  /// - Parameter body: gets an edit's references, their differences, room for those of the result, how many there are, and
  ///   which edit it is.
  @inline(__always)
  public func eachStretch(
    _ body: (
      _ reference: UnsafePointer<Float>, _ change: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>,
      _ count: Int, _ edit: Int
    ) -> Void
  ) {
    let size = output.layout.rowSize
    for edit in 0..<output.edits {
      let inside = output.inside(edit)
      let first = inside.lowerBound * size
      body(
        inputReferences[0].base + output.starts[edit] * size + first, inputs[0]!.rows(of: edit) + first,
        output.rows(of: edit) + first, inside.count * size, edit)
    }
    output.clearOutside()
  }
}

/// A compiled operator that maps differences of its inputs to the difference of its output.
///
/// The result for an edit never depends on the other edits of its batch. Rules compute the *change* itself, without
/// subtracting two nearly equal numbers in float32 (docs/numerics.md).
public protocol DifferenceOperator: CompiledOperator {
  /// Whether the rule holds for these layouts (`nil` for inputs that do not change).
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool

  /// Computes the difference of the output.
  func difference(_ call: DifferenceCall)

  /// Floats that the rule keeps of a reference, beside its inputs and output.
  var differenceStateCount: Int { get }

  /// Floats of scratch that the rule, and its preparation, may overwrite.
  var differenceScratchCount: Int { get }

  /// Computes what the rule keeps of a reference, once before its first edit.
  func prepareDifferences(
    inputs: [TensorView], output: TensorView, state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>)

  /// Whether the rule may call ``DifferenceCall/doubt(_:)``.
  var mayDoubt: Bool { get }

  /// Multiply-adds of the rule for one edit.
  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int

  /// As ``CompiledOperator/timePerOperation``, of the rule.
  var timePerDifferenceOperation: Int { get }
}

extension DifferenceOperator {
  public var timePerDifferenceOperation: Int { timePerOperation }
  public var mayDoubt: Bool { false }
  public var differenceStateCount: Int { 0 }
  public var differenceScratchCount: Int { 0 }
  public func prepareDifferences(
    inputs: [TensorView], output: TensorView, state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {}
  public func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool { true }
  public func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int { output.count }
}
