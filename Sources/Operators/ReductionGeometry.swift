internal import Tensors

/// How an operator that works along some axes finds its elements: groups of rows.
///
/// With the axes after the last reduced one merged into `inner` neighbouring elements, element `i` of reduced entry `r` of
/// group `g` is at `groups[g] + entries[r] + i`. A result has one element a group and `i`, in that order.
struct ReductionGeometry: Sendable {
  let groups: [Int]
  let entries: [Int]
  let inner: Int

  /// Whether each group is one run of neighbouring elements, as along the last axis.
  var isContiguous: Bool { inner == 1 && entries.last == entries.count - 1 }

  /// - Parameter axes: reduced axes, counted from the front.
  init(_ shape: Shape, axes: [Int]) {
    let reduced = Set(axes)
    let last = reduced.max() ?? -1
    let strides = shape.strides
    func offsets(_ axes: [Int]) -> [Int] {
      axes.reduce([0]) { offsets, axis in
        offsets.flatMap { offset in (0..<shape[axis]).map { offset + $0 * strides[axis] } }
      }
    }
    inner = last < 0 ? 1 : shape.dims[(last + 1)...].reduce(1, *)
    groups = offsets(shape.dims.indices.filter { ($0 < last || last < 0) && !reduced.contains($0) })
    entries = offsets(reduced.sorted())
  }
}
