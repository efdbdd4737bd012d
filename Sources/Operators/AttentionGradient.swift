internal import Kernels
internal import NetworkGraph
internal import Tensors

extension CompiledAttention {
  func backward(_ call: BackwardCall) {
    // Two operands may be parts of one value: everything is cleared before anything is added.
    for target in call.inputGradients {
      if let target, !target.adds { target.view.elements.update(repeating: 0) }
    }
    for head in 0..<op.heads { backward(head, call) }
  }

  private func backward(_ head: Int, _ call: BackwardCall) {
    let parts = parts
    let inputs = call.inputs.map(\.base)
    let kernels = KernelSet.best
    let keyPanelCount = max(
      MatrixPanels.count(terms: op.keySize, columns: op.keys), MatrixPanels.count(terms: op.keys, columns: op.keySize))
    let keys = keyPanels(head, inputs[1], call.scratch + parts.keys)
    let keyRows = scaledPanels(
      inputs[1] + op.key.entry(0, head), stride: op.key.channels, rows: op.keys, columns: op.keySize,
      by: op.scale, call.scratch + parts.keys + keyPanelCount)
    let values = MatrixPanels(
      packing: inputs[2] + op.value.entry(0, head), terms: op.valueSize, termStride: 1,
      columns: op.keys, columnStride: op.value.channels, into: call.scratch + parts.values)
    let channels = op.heads * op.valueSize
    let (scores, gradients) = (call.scratch + parts.scores, call.scratch + parts.gradients)
    eachTile(0..<op.queries) { tile in
      let columns = scoreTile(head, tile, inputs, keys, call.scratch, precisely: false)
      let dy = UnsafePointer(call.outputGradients[0].base) + tile.lowerBound * channels + head * op.valueSize
      if let target = call.inputGradients[2] {
        let packed = MatrixPanels(
          packing: dy, terms: tile.count, termStride: channels, columns: op.valueSize, columnStride: 1,
          into: call.scratch + parts.rows)
        kernels.multiply(
          scores + columns.lowerBound, rowStride: 1, termStride: scoreStride, packed,
          into: target.view.base + op.value.entry(columns.lowerBound, head),
          yStride: op.value.channels, rows: columns.count, adds: true)
      }
      kernels.multiply(
        dy, rowStride: channels, values, columns: columns, into: gradients + columns.lowerBound, yStride: scoreStride,
        rows: tile.count)
      for row in 0..<tile.count {
        let first = row * scoreStride + columns.lowerBound
        kernels.softmaxGradient(scores + first, gradients + first, into: gradients + first, count: columns.count)
      }
      if let target = call.inputGradients[0] {
        kernels.multiply(
          gradients + columns.lowerBound, rowStride: scoreStride, keyRows, terms: columns,
          into: target.view.base + op.query.entry(tile.lowerBound, head), yStride: op.query.channels,
          rows: tile.count, adds: true)
      }
      if let target = call.inputGradients[1] {
        let queries = scaledPanels(
          inputs[0] + op.query.entry(tile.lowerBound, head),
          stride: op.query.channels, rows: tile.count, columns: op.keySize, by: op.scale, call.scratch + parts.rows)
        kernels.multiply(
          gradients + columns.lowerBound, rowStride: 1, termStride: scoreStride, queries,
          into: target.view.base + op.key.entry(columns.lowerBound, head),
          yStride: op.key.channels, rows: columns.count, adds: true)
      }
      relativeGradient(head, tile, call, parts.relative)
    }
  }

  /// The gradient of the fourth operand from the gradients of a tile of scores.
  private func relativeGradient(_ head: Int, _ tile: Range<Int>, _ call: BackwardCall, _ part: Int) {
    guard let relative = op.relative, let packed = self.relative, let target = call.inputGradients[3] else { return }
    let gradients = call.scratch + parts.gradients
    let products = call.scratch + part
    let terms = picks(of: tile)
    for (row, i) in tile.enumerated() {
      let (from, to) = (gradients + row * scoreStride, products + row * relativeStride)
      (to + terms.lowerBound).update(repeating: 0, count: terms.count)
      if let shift = picks[i].shift {
        (to + ranges[i].lowerBound + shift).update(from: from + ranges[i].lowerBound, count: ranges[i].count)
      } else {
        relative.index.withUnsafeBufferPointer { index in
          for j in ranges[i] { to[Int(index[i * op.keys + j])] += from[j] }
        }
      }
    }
    let each = MatrixPanels.count(terms: relative.count, columns: relative.size)
    let panels = MatrixPanels(
      packed: packed.backward.pointer + head * each, terms: relative.count, columns: relative.size)
    KernelSet.best.multiply(
      products + terms.lowerBound, rowStride: relativeStride, panels, terms: terms,
      into: target.view.base + relative.operand.entry(tile.lowerBound, head), yStride: relative.operand.channels,
      rows: tile.count, adds: true)
  }

  /// Rows times `scale`, packed as the right operand of a product over the rows.
  private func scaledPanels(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, by scale: Double,
    _ memory: UnsafeMutablePointer<Float>
  ) -> MatrixPanels {
    let panels = MatrixPanels(
      packing: x, terms: rows, termStride: stride, columns: columns, columnStride: 1, into: memory)
    let scale = Float(scale)
    for index in 0..<MatrixPanels.count(terms: rows, columns: columns) { memory[index] *= scale }
    return panels
  }
}
