internal import CKernels

/// A matrix of the running pass in the order the kernel reads weights: `[panel][term][16 columns]`, zero beyond the last
/// column. The memory is the caller's scratch.
public struct MatrixPanels {
  public let terms: Int
  public let columns: Int
  let base: UnsafePointer<Float>

  /// Floats that the panels of a matrix take.
  public static func count(terms: Int, columns: Int) -> Int {
    (columns + KernelSet.panel - 1) / KernelSet.panel * KernelSet.panel * terms
  }

  /// A matrix that is packed already.
  public init(packed: UnsafePointer<Float>, terms: Int, columns: Int) {
    self.terms = terms
    self.columns = columns
    base = packed
  }

  /// Packs the matrix whose entry (term, column) is `source[term * termStride + column * columnStride]`.
  public init(
    packing source: UnsafePointer<Float>, terms: Int, termStride: Int, columns: Int, columnStride: Int,
    into memory: UnsafeMutablePointer<Float>
  ) {
    let panel = KernelSet.panel
    var to = memory
    for first in stride(from: 0, to: columns, by: panel) {
      let width = min(panel, columns - first)
      if width < panel { to.update(repeating: 0, count: terms * panel) }
      if columnStride == 1 {
        for term in 0..<terms {
          (to + term * panel).update(from: source + term * termStride + first, count: width)
        }
      } else if termStride == 1 {
        KernelSet.best.transpose(
          source + first * columnStride, xStride: columnStride, rows: width, columns: terms, into: to, yStride: panel)
      } else {
        for column in 0..<width {
          let from = source + (first + column) * columnStride
          for term in 0..<terms { to[term * panel + column] = from[term * termStride] }
        }
      }
      to += terms * panel
    }
    self.terms = terms
    self.columns = columns
    base = UnsafePointer(memory)
  }
}

extension KernelSet {
  /// `y[r, c] = sum over t of x[r, t] * b[t, c]`: one chain of fused multiply-adds in the order of the terms.
  ///
  /// - Parameters:
  ///   - x: entry (r, t) is at `r * rowStride + t * termStride`, for the first of `terms`.
  ///   - terms: which terms take part.
  ///   - columns: which columns are computed; the first is a multiple of 16. `y` points at it.
  ///   - adds: adds the result to what `y` holds.
  ///   - precisely: accumulates in float64 and rounds once (not with `adds`).
  public func multiply(
    _ x: UnsafePointer<Float>, rowStride: Int, termStride: Int = 1, _ b: MatrixPanels, terms: Range<Int>? = nil,
    columns: Range<Int>? = nil, into y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int, adds: Bool = false,
    precisely: Bool = false
  ) {
    let (terms, columns) = (terms ?? 0..<b.terms, columns ?? 0..<b.columns)
    precondition(!(precisely && adds) && columns.lowerBound % KernelSet.panel == 0)
    precondition(terms.clamped(to: 0..<b.terms) == terms && columns.clamped(to: 0..<b.columns) == columns)
    var call = tismscan_contraction(
      x: x, x_row_stride: rowStride, x_tap_stride: termStride, taps: termStride == 1 ? 1 : terms.count,
      inputs: termStride == 1 ? terms.count : 1,
      w: b.base + columns.lowerBound * b.terms + terms.lowerBound * KernelSet.panel,
      w_panel_stride: b.terms * KernelSet.panel, bias: nil, y: y, y_row_stride: yStride, rows: rows,
      outputs: columns.count, relu: false, adds: adds)
    run(&call, narrow: false, precisely: precisely)
  }
}
