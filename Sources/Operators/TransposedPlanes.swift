internal import Kernels
internal import Tensors

/// A permutation of axes as transposes of planes: the axis that is last in the input becomes the rows, the axis that is last in
/// the output the columns, and all others number the planes. Where one axis is last in both, it is copied run by run.
struct TransposedPlanes {
  /// Input and output of each plane.
  private let planes: StridedWalk
  /// Elements along the output's last axis, and along the input's; 1 of them where that is the same axis.
  private let rows: Int
  private let columns: Int
  /// Floats from one row to the next in the input, and from one column to the next in the output.
  private let rowStride: Int
  private let columnStride: Int

  init(input: Shape, permutation: [Int], _ output: Shape) {
    // Axes in the output's order, those of one element dropped and those that stay neighbours merged.
    var axes: [(length: Int, from: Int, to: Int)] = []
    for (axis, source) in permutation.enumerated() where output[axis] != 1 {
      let (length, from, to) = (output[axis], input.strides[source], output.strides[axis])
      if let last = axes.last, last.from == length * from {
        axes[axes.count - 1] = (last.length * length, from, to)
      } else {
        axes.append((length, from, to))
      }
    }
    let last = axes.popLast() ?? (1, 1, 1)
    if last.from != 1, let lastOfInput = axes.firstIndex(where: { $0.from == 1 }) {
      (rows, rowStride) = (last.length, last.from)
      let column = axes.remove(at: lastOfInput)
      (columns, columnStride) = (column.length, column.to)
    } else {
      (rows, rowStride, columns, columnStride) = (1, 0, last.length, 1)
    }
    planes = StridedWalk(dims: axes.map(\.length), starts: [0, 0], strides: [axes.map(\.from), axes.map(\.to)])
  }

  /// From the input's order to the output's.
  func move(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    forEachPlane { from, to in
      if rows == 1 && columnStride == 1 {
        (y + to).update(from: x + from, count: columns)
      } else {
        KernelSet.best.transpose(
          x + from, xStride: rowStride, rows: rows, columns: columns, into: y + to, yStride: columnStride)
      }
    }
  }

  /// From the output's order to the input's, added to what is there when `adds`.
  func moveBack(_ dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, adds: Bool) {
    forEachPlane { from, to in
      if rows == 1 && columnStride == 1 {
        if adds {
          KernelSet.best.add(dx + from, dy + to, into: dx + from, count: columns)
        } else {
          (dx + from).update(from: dy + to, count: columns)
        }
      } else if adds {
        addTransposed(dy + to, into: dx + from)
      } else {
        KernelSet.best.transpose(
          dy + to, xStride: columnStride, rows: columns, columns: rows, into: dx + from, yStride: rowStride)
      }
    }
  }

  /// Block by block, so that what is transposed is still in the first cache when it is added.
  private func addTransposed(_ dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>) {
    let side = 32
    withUnsafeTemporaryAllocation(of: Float.self, capacity: side * side) { block in
      let block = block.baseAddress!
      for row in stride(from: 0, to: rows, by: side) {
        for column in stride(from: 0, to: columns, by: side) {
          let (height, width) = (min(side, rows - row), min(side, columns - column))
          KernelSet.best.transpose(
            dy + column * columnStride + row, xStride: columnStride, rows: width, columns: height, into: block,
            yStride: side)
          for r in 0..<height {
            let to = dx + (row + r) * rowStride + column
            KernelSet.best.add(to, block + r * side, into: to, count: width)
          }
        }
      }
    }
  }

  @inline(__always)
  private func forEachPlane(_ body: (_ from: Int, _ to: Int) -> Void) {
    planes.forEachRow { offsets in
      for plane in 0..<planes.row {
        body(offsets[0] + plane * planes.rowStrides[0], offsets[1] + plane * planes.rowStrides[1])
      }
    }
  }
}
