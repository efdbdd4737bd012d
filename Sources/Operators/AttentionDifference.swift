internal import Kernels
internal import NetworkGraph
internal import Tensors

/// With `p` the shares of the reference: `ds = scale * (dq . k + (q + dq) . dk)` and the relative part of `ds` alike,
/// `dp = p (expm1(ds) - S) / (1 + S)`, and `dy = dp . v + (p + dp) . dv`. Every rounding is relative to the change.
///
/// Shares, keys and values of the reference are kept in the order the products read them.
extension CompiledAttention: DifferenceOperator {
  private var operands: [Attention.HeadRows] {
    [op.query, op.key, op.value] + (op.relative.map { [$0.operand] } ?? [])
  }
  private func rows(_ operand: Int) -> Int { operand == 1 || operand == 2 ? op.keys : op.queries }

  /// Shares that are kept at most: 64 MiB of them an attention and session.
  private static let mostShares = 1 << 24

  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    output.rowSize == op.heads * op.valueSize && output.rows == op.queries
      && op.heads * op.queries * scoreStride <= Self.mostShares
      && inputs.indices.allSatisfy { operand in
        guard let layout = inputs[operand] else { return true }
        return layout.rows == rows(operand) && layout.rowSize == operands[operand].channels
      }
  }

  /// Two products where a forward pass has one; downstream of an edit only, behind causal attention.
  func differenceMultiplyAdds(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Int {
    output.window == nil ? 2 * multiplyAdds : multiplyAdds
  }

  // MARK: State of the reference

  private var sharesCount: Int { op.queries * scoreStride }
  private var keysCount: Int { MatrixPanels.count(terms: op.keySize, columns: op.keys) }
  private var valuesCount: Int { MatrixPanels.count(terms: op.keys, columns: op.valueSize) }
  /// Floats that each head keeps: shares, keys, values.
  private var headCount: Int { sharesCount + keysCount + valuesCount }

  var differenceStateCount: Int { op.heads * headCount }

  func prepareDifferences(
    inputs: [TensorView], output: TensorView, state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let inputs = inputs.map(\.base)
    for head in 0..<op.heads {
      let shares = state + head * headCount
      let keys = keyPanels(head, inputs[1], shares + sharesCount)
      _ = valuePanels(head, inputs[2], shares + sharesCount + keysCount)
      eachTile(0..<op.queries) { tile in
        let columns = scoreTile(head, tile, inputs, keys, scratch, precisely: true)
        for (row, i) in tile.enumerated() {
          let own = shares + i * scoreStride
          own.update(repeating: 0, count: scoreStride)
          (own + columns.lowerBound).update(
            from: scratch + parts.scores + row * scoreStride + columns.lowerBound, count: columns.count)
        }
      }
    }
  }

  // MARK: Differences

  /// Where each part of the scratch begins, after that of a forward pass.
  private struct DifferenceParts {
    var keys = 0, values = 0, rows = 0, changes = 0, shares = 0, count = 0
  }

  private var differenceParts: DifferenceParts {
    var result = DifferenceParts()
    result.count = scratchCount
    func take(_ count: Int) -> Int {
      defer { result.count += padded(count) }
      return result.count
    }
    result.keys = take(Self.editsTogether * keysCount)
    result.values = take(Self.editsTogether * valuesCount)
    result.rows = take(Self.tile * max(op.keySize, op.relative?.size ?? 0))
    result.changes = take(Self.tile * scoreStride)
    result.shares = take(Self.tile * scoreStride)
    return result
  }

  var differenceScratchCount: Int { differenceParts.count }

  /// Edits that take a tile in turn, so that its shares are read from memory once: the alternates of a base.
  private static let editsTogether = 3

  /// The changed rows of one operand under one edit.
  private struct ChangedRows {
    let rows: Range<Int>
    /// Row 0 of the operand, if it were kept.
    let base: UnsafePointer<Float>
  }

  private func changedRows(_ block: DifferenceBlock?, _ edit: Int) -> ChangedRows? {
    guard let block else { return nil }
    let (inside, start) = (block.inside(edit), block.starts[edit])
    guard !inside.isEmpty else { return nil }
    return ChangedRows(
      rows: start + inside.lowerBound..<start + inside.upperBound,
      base: UnsafePointer(block.rows(of: edit)) - start * block.layout.rowSize)
  }

  /// What one edit changes: rows of the operands, and of the result.
  private struct Edit {
    let changed: [ChangedRows?]
    let rows: Range<Int>
    /// Row 0 of the result, if it were kept.
    let result: UnsafeMutablePointer<Float>
  }

  /// The changed keys and values of one head in the order the products read them.
  private struct PackedChanges {
    let keys: MatrixPanels?
    let values: MatrixPanels?
  }

  func difference(_ call: DifferenceCall) {
    let output = call.output
    for first in stride(from: 0, to: output.edits, by: Self.editsTogether) {
      let edits = (first..<min(output.edits, first + Self.editsTogether)).map { edit in
        let (inside, start) = (output.inside(edit), output.starts[edit])
        return Edit(
          changed: call.inputs.map { changedRows($0, edit) },
          rows: start + inside.lowerBound..<start + inside.upperBound,
          result: output.rows(of: edit) - start * output.layout.rowSize)
      }
      for head in 0..<op.heads {
        difference(
          head, edits, call.inputReferences.map(\.base), call.state + head * headCount, call.scratch)
      }
    }
    output.clearOutside()
  }

  private func difference(
    _ head: Int, _ edits: [Edit], _ inputs: [UnsafePointer<Float>], _ state: UnsafePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let parts = differenceParts
    let packed = edits.enumerated().map { place, edit in
      PackedChanges(
        keys: edit.changed[1].map { key in
          MatrixPanels(
            packing: key.base + op.key.entry(key.rows.lowerBound, head),
            terms: op.keySize, termStride: 1, columns: key.rows.count, columnStride: op.key.channels,
            into: scratch + parts.keys + place * keysCount)
        },
        values: edit.changed[2].map { value in
          MatrixPanels(
            packing: value.base + op.value.entry(value.rows.lowerBound, head),
            terms: value.rows.count, termStride: op.value.channels, columns: op.valueSize, columnStride: 1,
            into: scratch + parts.values + place * valuesCount)
        })
    }
    let rows = edits.map(\.rows).filter { !$0.isEmpty }
    guard let first = rows.map(\.lowerBound).min(), let end = rows.map(\.upperBound).max() else { return }
    eachTile(first..<end) { tile in
      for (edit, packed) in zip(edits, packed) where edit.rows.overlaps(tile) {
        difference(head, edit.rows.clamped(to: tile), edit, packed, inputs, state, scratch)
      }
    }
  }

  private func difference(
    _ head: Int, _ tile: Range<Int>, _ edit: Edit, _ packed: PackedChanges, _ inputs: [UnsafePointer<Float>],
    _ state: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let parts = differenceParts
    let keys = MatrixPanels(packed: state + sharesCount, terms: op.keySize, columns: op.keys)
    let values = MatrixPanels(packed: state + sharesCount + keysCount, terms: op.keys, columns: op.valueSize)
    let changed = edit.changed
    let (changes, shares) = (scratch + parts.changes, scratch + parts.shares)
    let channels = op.heads * op.valueSize
    let columns = columns(of: tile)
    let scale = scoreChanges(head, tile, changed, inputs, keys, packed.keys, scratch, parts.rows, into: changes)
    for (row, i) in tile.enumerated() {
      let range = ranges[i]
      let (own, target) = (state + i * scoreStride, shares + row * scoreStride)
      let change = changes + row * scoreStride
      let whole = wholeVectors(range)
      (change + range.upperBound).update(repeating: 0, count: whole.upperBound - range.upperBound)
      let done = KernelSet.best.shareChanges(
        own + range.lowerBound, change + range.lowerBound, into: target + range.lowerBound, count: whole.count,
        scale: scale)
      clear(target, columns, outside: range)
      if !done {
        shareChangesByScores(head, i, inputs, keys, change, scale, into: target, scratch)
      }
    }
    let result = edit.result + resultEntry(tile.lowerBound, head)
    KernelSet.best.multiply(
      shares + columns.lowerBound, rowStride: scoreStride, values, terms: columns, into: result, yStride: channels,
      rows: tile.count)
    guard let value = changed[2], let valueChanges = packed.values else { return }
    let seen = value.rows.clamped(to: columns)
    guard !seen.isEmpty else { return }
    for (row, i) in tile.enumerated() {
      let (own, target) = (state + i * scoreStride, shares + row * scoreStride)
      KernelSet.best.add(
        target + seen.lowerBound, own + seen.lowerBound, into: target + seen.lowerBound, count: seen.count)
    }
    KernelSet.best.multiply(
      shares + seen.lowerBound, rowStride: scoreStride, valueChanges,
      terms: seen.lowerBound - value.rows.lowerBound..<seen.upperBound - value.rows.lowerBound, into: result,
      yStride: channels, rows: tile.count, adds: true)
  }

  /// The changes of a tile's scores but for a factor.
  /// - Returns: the factor.
  private func scoreChanges(
    _ head: Int, _ tile: Range<Int>, _ changed: [ChangedRows?], _ inputs: [UnsafePointer<Float>], _ keys: MatrixPanels,
    _ keyChanges: MatrixPanels?, _ scratch: UnsafeMutablePointer<Float>, _ part: Int,
    into changes: UnsafeMutablePointer<Float>
  ) -> Double {
    let columns = columns(of: tile)
    let buffer = scratch + part
    if let query = changed[0], query.rows.overlaps(tile) {
      copy(query, tile, op.query, head, op.keySize, reference: nil, into: buffer)
      KernelSet.best.multiply(
        buffer, rowStride: op.keySize, keys, columns: columns, into: changes + columns.lowerBound, yStride: scoreStride,
        rows: tile.count)
    } else {
      for row in 0..<tile.count {
        (changes + row * scoreStride + columns.lowerBound).update(repeating: 0, count: columns.count)
      }
    }
    if let key = changed[1], let keyChanges {
      let last = min(key.rows.upperBound, columns.upperBound)
      if key.rows.lowerBound < last {
        copy(changed[0], tile, op.query, head, op.keySize, reference: inputs[0], into: buffer)
        KernelSet.best.multiply(
          buffer, rowStride: op.keySize, keyChanges, columns: 0..<last - key.rows.lowerBound,
          into: changes + key.rows.lowerBound, yStride: scoreStride, rows: tile.count, adds: true)
      }
    }
    guard let relative = op.relative, let moved = changed[3], moved.rows.overlaps(tile) else { return op.scale }
    copy(moved, tile, relative.operand, head, relative.size, reference: nil, into: buffer)
    relativeTile(head, tile, buffer, rowStride: relative.size, scratch, precisely: false)
    for (row, i) in tile.enumerated() {
      scaleAndAddRelative(
        changes + row * scoreStride, i, ranges[i], scratch + self.parts.relative + row * relativeStride)
    }
    return 1
  }

  /// One head's rows of a tile, one after the other: the changes, or reference plus changes.
  private func copy(
    _ changed: ChangedRows?, _ tile: Range<Int>, _ operand: Attention.HeadRows, _ head: Int, _ size: Int,
    reference: UnsafePointer<Float>?, into buffer: UnsafeMutablePointer<Float>
  ) {
    for (row, i) in tile.enumerated() {
      let to = buffer + row * size
      let entry = operand.entry(i, head)
      let change = changed.flatMap { $0.rows.contains(i) ? $0.base + entry : nil }
      switch (reference.map { $0 + entry }, change) {
      case (let reference?, let change?): KernelSet.best.add(reference, change, into: to, count: size)
      case (let only?, nil), (nil, let only?): to.update(from: only, count: size)
      case (nil, nil): to.update(repeating: 0, count: size)
      }
    }
  }

  /// The changes of one query's shares where a score changes so much that the old shares are of no use: from the scores.
  private func shareChangesByScores(
    _ head: Int, _ i: Int, _ inputs: [UnsafePointer<Float>], _ keys: MatrixPanels,
    _ changes: UnsafeMutablePointer<Float>, _ scale: Double, into y: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    rawScores(head, i..<i + 1, inputs, keys, scratch, precisely: true)
    let range = ranges[i]
    let scores = scratch + parts.scores
    for j in range {
      scores[j] *= Float(softmaxScale)
      changes[j] *= Float(scale)
    }
    KernelSet.best.softmaxDifference(
      scores + range.lowerBound, changes + range.lowerBound, into: y + range.lowerBound, count: range.count)
  }
}
