internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Matrix products with float32 chains in the order of the summed axis, by the convolution kernel: the right operand of
/// each product is packed into scratch first.
struct CompiledMatMul: CompiledOperator {
  let op: MatMul
  let sizes: MatMul.Sizes
  /// Matrices of the left operand, of the right one and of the result.
  let batches: StridedWalk

  var multiplyAdds: Int { sizes.batch.count * sizes.n * sizes.k * sizes.m }
  var timePerOperation: Int { 1 }
  var roundsOnce: Bool { true }

  /// The panels of either operand or of the result's gradient, as they are or transposed.
  var scratchCount: Int {
    let (n, k, m) = (sizes.n, sizes.k, sizes.m)
    return [(k, m), (m, k), (n, m), (m, n), (n, k)].map(MatrixPanels.count).max()!
  }

  // Strides of entry (row, term) of the left and (term, column) of the right operand.
  private var left: (row: Int, term: Int) { op.transposeA ? (1, sizes.n) : (sizes.k, 1) }
  private var right: (term: Int, column: Int) { op.transposeB ? (1, sizes.k) : (sizes.m, 1) }

  func forward(_ call: ForwardCall) { forward(call, precisely: false) }
  func forwardPrecisely(_ call: ForwardCall) { forward(call, precisely: true) }

  private func forward(_ call: ForwardCall, precisely: Bool) {
    let (n, k, m) = (sizes.n, sizes.k, sizes.m)
    eachMatrix { a, b, y in
      let panels = MatrixPanels(
        packing: call.inputs[1].base + b * k * m, terms: k, termStride: right.term, columns: m,
        columnStride: right.column, into: call.scratch)
      KernelSet.best.multiply(
        call.inputs[0].base + a * n * k, rowStride: left.row, termStride: left.term, panels,
        into: call.outputs[0].base + y * n * m, yStride: m, rows: n, precisely: precisely)
    }
  }

  func backward(_ call: BackwardCall) {
    for target in call.inputGradients {
      if let target, !target.adds { target.view.elements.update(repeating: 0) }
    }
    eachMatrix { a, b, y in
      let (x, w) = (call.inputs[0].base + a * sizes.n * sizes.k, call.inputs[1].base + b * sizes.k * sizes.m)
      let dy = UnsafePointer(call.outputGradients[0].base) + y * sizes.n * sizes.m
      if let target = call.inputGradients[0] {
        addLeft(dy, w, into: target.view.base + a * sizes.n * sizes.k, call.scratch)
      }
      if let target = call.inputGradients[1] {
        addRight(x, dy, into: target.view.base + b * sizes.k * sizes.m, call.scratch)
      }
    }
  }

  /// `da += dy * b^T`, in the storage order of the left operand.
  private func addLeft(
    _ dy: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into da: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (n, k, m) = (sizes.n, sizes.k, sizes.m)
    if op.transposeA {
      let panels = MatrixPanels(
        packing: dy, terms: m, termStride: 1, columns: n, columnStride: m, into: scratch)
      KernelSet.best.multiply(
        b, rowStride: right.term, termStride: right.column, panels, into: da, yStride: n, rows: k, adds: true)
    } else {
      let panels = MatrixPanels(
        packing: b, terms: m, termStride: right.column, columns: k, columnStride: right.term, into: scratch)
      KernelSet.best.multiply(dy, rowStride: m, panels, into: da, yStride: k, rows: n, adds: true)
    }
  }

  /// `db += a^T * dy`, in the storage order of the right operand.
  private func addRight(
    _ a: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, into db: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (n, k, m) = (sizes.n, sizes.k, sizes.m)
    if op.transposeB {
      let panels = MatrixPanels(
        packing: a, terms: n, termStride: left.row, columns: k, columnStride: left.term, into: scratch)
      KernelSet.best.multiply(dy, rowStride: 1, termStride: m, panels, into: db, yStride: k, rows: m, adds: true)
    } else {
      let panels = MatrixPanels(packing: dy, terms: n, termStride: m, columns: m, columnStride: 1, into: scratch)
      KernelSet.best.multiply(
        a, rowStride: left.term, termStride: left.row, panels, into: db, yStride: m, rows: k, adds: true)
    }
  }

  /// Calls `body` with the numbers of the left, right and resulting matrix.
  @inline(__always)
  private func eachMatrix(_ body: (_ left: Int, _ right: Int, _ result: Int) -> Void) {
    batches.forEachRow { offsets in
      for i in 0..<batches.row {
        body(
          offsets[0] + i * batches.rowStrides[0], offsets[1] + i * batches.rowStrides[1],
          offsets[2] + i * batches.rowStrides[2])
      }
    }
  }
}
