public import Tensors

/// A compiled operator on rows of channels (`[batch, rows, channels]`, positions along the rows) that does the same wherever
/// a row lies, and can compute some rows of its result alone: what overlapping windows share.
///
/// A row has the same bits however many are computed at once.
public protocol SlidingOperator: CompiledOperator {
  /// Whether that holds for these operands.
  /// - Parameter inputs: shapes of the inputs, `nil` for constants.
  func slides(inputs: [Shape?], output: Shape) -> Bool

  /// Input rows from what one row of the result reads to what the next one reads.
  var rowStride: Int { get }

  /// The rows of every input that rows of the result read. They may lie outside the input: padding is read there.
  func rowsRead(by rows: Range<Int>) -> Range<Int>

  /// Computes rows of the result for one sequence.
  func forward(_ call: RowsCall)

  /// The vector-Jacobian product for rows of the inputs of one sequence.
  func backward(_ call: RowsBackwardCall)
}

extension SlidingOperator {
  public var rowStride: Int { 1 }
  public func rowsRead(by rows: Range<Int>) -> Range<Int> { rows }
}

/// Memory of one call for some rows of a result. Rows are counted from 0 as in a call for all of them.
public struct RowsCall {
  /// Some rows of an input.
  public struct Input {
    /// The rows that there are; for an operator that pads, all others are padding.
    public let rows: Range<Int>
    /// Where the first of them lies; of a constant, its first element.
    public let base: UnsafePointer<Float>

    public init(rows: Range<Int>, base: UnsafePointer<Float>) {
      self.rows = rows
      self.base = base
    }
  }

  public let inputs: [Input]
  /// The rows wanted.
  public let rows: Range<Int>
  /// Channels of a row of the result.
  public let channels: Int
  /// Where the first wanted row goes.
  public let output: UnsafeMutablePointer<Float>
  /// As in ``CompiledOperator/forwardPrecisely(_:)``.
  public let precisely: Bool

  public init(
    inputs: [Input], rows: Range<Int>, channels: Int, output: UnsafeMutablePointer<Float>, precisely: Bool
  ) {
    self.inputs = inputs
    self.rows = rows
    self.channels = channels
    self.output = output
    self.precisely = precisely
  }

  /// Elements wanted.
  public var count: Int { rows.count * channels }

  /// What the first wanted row reads of an input that has `channels` of its own and the rows of the result.
  public func start(ofInput index: Int, channels: Int) -> UnsafePointer<Float> {
    inputs[index].base + (rows.lowerBound - inputs[index].rows.lowerBound) * channels
  }
}

/// Memory of one backward call for some rows of one sequence. Every pointer is that of row 0.
public struct RowsBackwardCall {
  /// The gradient of an input.
  public struct Target {
    public let base: UnsafeMutablePointer<Float>
    /// The rows wanted. Others may be left with anything.
    public let rows: Range<Int>
    /// True when earlier readers have already left their part in the wanted rows.
    public let adds: Bool

    public init(base: UnsafeMutablePointer<Float>, rows: Range<Int>, adds: Bool) {
      self.base = base
      self.rows = rows
      self.adds = adds
    }
  }

  /// The inputs of the forward call.
  public let inputs: [UnsafePointer<Float>]
  /// The result of the forward call.
  public let output: UnsafePointer<Float>
  /// The gradient of the result; the callee may overwrite it.
  public let outputGradient: UnsafeMutablePointer<Float>
  /// Every row of the result that reads a wanted row; of the others there may be no gradient.
  public let rows: Range<Int>
  /// Channels of a row of the result.
  public let channels: Int
  /// `nil` for constants.
  public let inputGradients: [Target?]
  /// `scratchCount` floats with any content.
  public let scratch: UnsafeMutablePointer<Float>

  public init(
    inputs: [UnsafePointer<Float>], output: UnsafePointer<Float>, outputGradient: UnsafeMutablePointer<Float>,
    rows: Range<Int>, channels: Int, inputGradients: [Target?], scratch: UnsafeMutablePointer<Float>
  ) {
    self.inputs = inputs
    self.output = output
    self.outputGradient = outputGradient
    self.rows = rows
    self.channels = channels
    self.inputGradients = inputGradients
    self.scratch = scratch
  }
}
