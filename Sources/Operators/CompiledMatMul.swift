internal import NetworkGraph
internal import Tensors

/// Matrix products with float32 chains in the order of `k`: a row of the result is a sum of scaled rows.
///
/// Every product below has contiguous rows on the right; an operand stored the other way is transposed into scratch first.
struct CompiledMatMul: CompiledOperator {
  let op: MatMul
  let sizes: MatMul.Sizes
  /// Matrices of the left operand, of the right one and of the result.
  let batches: StridedWalk

  var multiplyAdds: Int { sizes.batch.count * sizes.n * sizes.k * sizes.m }
  var scratchCount: Int { max(sizes.k * sizes.m, sizes.n * sizes.m, sizes.n * sizes.k) }

  func forward(_ call: ForwardCall) {
    let (n, k, m) = (sizes.n, sizes.k, sizes.m)
    eachMatrix { left, right, result in
      let a = call.inputs[0].base + left * n * k
      var b = call.inputs[1].base + right * k * m
      let y = call.outputs[0].base + result * n * m
      if op.transposeB { b = transposed(b, rows: m, columns: k, into: call.scratch) }
      y.update(repeating: 0, count: n * m)
      addProduct(
        rows: n, terms: k, a, rowStride: op.transposeA ? 1 : k, termStride: op.transposeA ? n : 1, b, columns: m,
        into: y)
    }
  }

  func backward(_ call: BackwardCall) {
    for target in call.inputGradients {
      if let target, !target.adds { target.view.elements.update(repeating: 0) }
    }
    let (n, k, m) = (sizes.n, sizes.k, sizes.m)
    eachMatrix { left, right, result in
      let a = call.inputs[0].base + left * n * k
      let b = call.inputs[1].base + right * k * m
      let dy = UnsafePointer(call.outputGradients[0].base) + result * n * m
      if let target = call.inputGradients[0] {
        let da = target.view.base + left * n * k
        if op.transposeA {
          // Stored [k, n]: da[k] += b[k, j] * dy[., j]
          let gradient = transposed(dy, rows: n, columns: m, into: call.scratch)
          addProduct(
            rows: k, terms: m, b, rowStride: op.transposeB ? 1 : m, termStride: op.transposeB ? k : 1, gradient,
            columns: n, into: da)
        } else {
          // Stored [n, k]: da[i] += dy[i, j] * b[., j]
          let columns = op.transposeB ? b : transposed(b, rows: k, columns: m, into: call.scratch)
          addProduct(rows: n, terms: m, dy, rowStride: m, termStride: 1, columns, columns: k, into: da)
        }
      }
      if let target = call.inputGradients[1] {
        let db = target.view.base + right * k * m
        if op.transposeB {
          // Stored [m, k]: db[j] += dy[i, j] * a[i]
          let rows = op.transposeA ? transposed(a, rows: k, columns: n, into: call.scratch) : a
          addProduct(rows: m, terms: n, dy, rowStride: 1, termStride: m, rows, columns: k, into: db)
        } else {
          // Stored [k, m]: db[k] += a[i, k] * dy[i]
          addProduct(
            rows: k, terms: n, a, rowStride: op.transposeA ? n : 1, termStride: op.transposeA ? 1 : k, dy, columns: m,
            into: db)
        }
      }
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

  /// `y[r, c] += sum over t of a[r * rowStride + t * termStride] * b[t, c]`, terms in order.
  private func addProduct(
    rows: Int, terms: Int, _ a: UnsafePointer<Float>, rowStride: Int, termStride: Int, _ b: UnsafePointer<Float>,
    columns: Int, into y: UnsafeMutablePointer<Float>
  ) {
    for r in 0..<rows {
      let row = UnsafeMutableBufferPointer(start: y + r * columns, count: columns)
      for t in 0..<terms {
        let factor = a[r * rowStride + t * termStride]
        let source = UnsafeBufferPointer(start: b + t * columns, count: columns)
        for c in 0..<row.count { row[c] += factor * source[c] }
      }
    }
  }

  private func transposed(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    for r in 0..<rows {
      for c in 0..<columns { y[c * rows + r] = x[r * columns + c] }
    }
    return UnsafePointer(y)
  }
}
