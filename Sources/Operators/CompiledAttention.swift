internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Attention one tile of query rows at a time: scores and softmax of a tile stay in cache, and keys that the mask hides from
/// all rows of a tile cost nothing.
///
/// Gradients compute the scores of a tile again instead of keeping `heads * queries * keys` numbers.
struct CompiledAttention: CompiledOperator {
  let op: Attention
  /// First and last unmasked key of each query.
  let ranges: [Range<Int>]
  /// Whether the bias is more than a mask of whole ranges.
  let addsBias: Bool
  /// Constants of the relative scores, and transposed and scaled for gradients, one panel set a head.
  let relative: (forward: AlignedFloats, backward: AlignedFloats)?

  /// For each query, the constants that its keys pick.
  let picks: [Picks]

  /// The constants of the relative scores that a query's keys pick.
  struct Picks {
    var range: Range<Int>
    /// When key `j` picks constant `j + shift`, as in a relative shift; `nil` when they are picked in another order.
    var shift: Int?
  }

  /// Query rows a tile: a multiple of every register tile.
  static let tile = 48

  init(_ op: Attention) {
    self.op = op
    let ranges = (0..<op.queries).map(op.keyRange)
    precondition(ranges.allSatisfy { !$0.isEmpty }, "a query without keys")
    self.ranges = ranges
    addsBias =
      op.bias.map { bias in
        ranges.enumerated().contains { i, range in range.contains { bias[i * op.keys + $0] != 0 } }
      } ?? false
    picks = ranges.enumerated().map { i, range in
      guard let relative = op.relative else { return Picks(range: 0..<0, shift: 0) }
      let index = relative.index[i * op.keys + range.lowerBound..<i * op.keys + range.upperBound].map(Int.init)
      let shift = index[0] - range.lowerBound
      return Picks(
        range: index.min()!..<index.max()! + 1,
        shift: zip(range, index).allSatisfy { $1 - $0 == shift } ? shift : nil)
    }
    relative = op.relative.map { relative in
      let size = relative.size * relative.count
      func packed(transposed: Bool) -> AlignedFloats {
        let (terms, columns) = transposed ? (relative.count, relative.size) : (relative.size, relative.count)
        let each = MatrixPanels.count(terms: terms, columns: columns)
        let weights = transposed ? relative.weights.map { $0 * Float(relative.scale) } : relative.weights
        return AlignedFloats(count: op.heads * each) { memory in
          weights.withUnsafeBufferPointer { weights in
            for head in 0..<op.heads {
              _ = MatrixPanels(
                packing: weights.baseAddress! + head * size, terms: terms, termStride: transposed ? 1 : columns,
                columns: columns, columnStride: transposed ? terms : 1, into: memory.baseAddress! + head * each)
            }
          }
        }
      }
      return (packed(transposed: false), packed(transposed: true))
    }
  }

  /// ``AttentionPass`` makes attention of one sequence only.
  var needsSingleSequence: Bool { true }

  var timePerOperation: Int { 1 }
  var multiplyAdds: Int {
    ranges.reduce(0) { $0 + $1.count } * op.heads * (op.keySize + op.valueSize)
      + (op.relative.map { relative in picks.reduce(0) { $0 + $1.range.count } * relative.size * op.heads } ?? 0)
  }

  // MARK: Scratch

  /// Floats between the rows of a tile of scores.
  var scoreStride: Int { padded(op.keys) }
  var relativeStride: Int { padded(op.relative?.count ?? 0) }
  /// A count of floats in whole vectors.
  func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }

  /// Where each part of the scratch begins.
  struct Parts {
    var keys = 0, values = 0, scores = 0, relative = 0, gradients = 0, rows = 0, count = 0
  }

  var parts: Parts {
    var parts = Parts()
    func take(_ count: Int) -> Int {
      defer { parts.count += (count + 15) / 16 * 16 }
      return parts.count
    }
    parts.keys = take(
      max(
        MatrixPanels.count(terms: op.keySize, columns: op.keys), MatrixPanels.count(terms: op.keys, columns: op.keySize)
      ) * 2)
    parts.values = take(
      MatrixPanels.count(terms: op.keys, columns: op.valueSize)
        + MatrixPanels.count(terms: op.valueSize, columns: op.keys))
    parts.scores = take(Self.tile * scoreStride)
    parts.relative = take(Self.tile * relativeStride)
    parts.gradients = take(Self.tile * scoreStride)
    parts.rows = take(Self.tile * (max(op.keySize, op.valueSize, op.relative?.size ?? 0) + 15))
    return parts
  }

  var scratchCount: Int { parts.count }

  // MARK: Forward

  func forward(_ call: ForwardCall) { forward(call, precisely: false) }
  func forwardPrecisely(_ call: ForwardCall) { forward(call, precisely: true) }

  private func forward(_ call: ForwardCall, precisely: Bool) {
    let inputs = call.inputs.map(\.base)
    for head in 0..<op.heads {
      let keys = keyPanels(head, inputs[1], call.scratch + parts.keys)
      let values = valuePanels(head, inputs[2], call.scratch + parts.values)
      eachTile(0..<op.queries) { tile in
        let columns = scoreTile(head, tile, inputs, keys, call.scratch, precisely: precisely)
        KernelSet.best.multiply(
          call.scratch + parts.scores + columns.lowerBound, rowStride: scoreStride, values, terms: columns,
          into: call.outputs[0].base + resultEntry(tile.lowerBound, head), yStride: op.heads * op.valueSize,
          rows: tile.count, precisely: precisely)
      }
    }
  }

  /// Offset of the first entry of a head's row of the result.
  func resultEntry(_ row: Int, _ head: Int) -> Int { (row * op.heads + head) * op.valueSize }

  /// A head's keys, one a column.
  func keyPanels(_ head: Int, _ k: UnsafePointer<Float>, _ memory: UnsafeMutablePointer<Float>) -> MatrixPanels {
    MatrixPanels(
      packing: k + op.key.entry(0, head), terms: op.keySize, termStride: 1, columns: op.keys,
      columnStride: op.key.channels, into: memory)
  }

  /// A head's values, one a term.
  func valuePanels(_ head: Int, _ v: UnsafePointer<Float>, _ memory: UnsafeMutablePointer<Float>) -> MatrixPanels {
    MatrixPanels(
      packing: v + op.value.entry(0, head), terms: op.keys, termStride: op.value.channels, columns: op.valueSize,
      columnStride: 1, into: memory)
  }

  @inline(__always)
  func eachTile(_ rows: Range<Int>, _ body: (Range<Int>) -> Void) {
    // Tiles lie on a grid of the sequence, whatever rows are asked for.
    var first = rows.lowerBound
    while first < rows.upperBound {
      let end = min(rows.upperBound, (first / Self.tile + 1) * Self.tile)
      body(first..<end)
      first = end
    }
  }

  /// The keys that any row of a tile sees; the first is rounded down to a multiple of 16.
  func columns(of tile: Range<Int>) -> Range<Int> {
    let low = tile.reduce(op.keys) { min($0, ranges[$1].lowerBound) } / 16 * 16
    return low..<tile.reduce(low) { max($0, ranges[$1].upperBound) }
  }

  /// The constants that any row of a tile picks; the first is rounded down to a multiple of 16.
  func picks(of tile: Range<Int>) -> Range<Int> {
    let low = tile.reduce(op.relative?.count ?? 0) { min($0, picks[$1].range.lowerBound) } / 16 * 16
    return low..<tile.reduce(low) { max($0, picks[$1].range.upperBound) }
  }

  /// Computes the shares of a tile of queries into the scores of the scratch, zero for masked keys.
  /// - Returns: the keys that any row of the tile sees.
  func scoreTile(
    _ head: Int, _ tile: Range<Int>, _ inputs: [UnsafePointer<Float>], _ keys: MatrixPanels,
    _ scratch: UnsafeMutablePointer<Float>, precisely: Bool
  ) -> Range<Int> {
    let parts = parts
    let columns = columns(of: tile)
    rawScores(head, tile, inputs, keys, scratch, precisely: precisely)
    for (row, i) in tile.enumerated() {
      let range = ranges[i]
      let entries = scratch + parts.scores + row * scoreStride
      let own = entries + range.lowerBound
      if precisely {
        let copy = scratch + parts.gradients
        copy.update(from: own, count: range.count)
        KernelSet.best.softmax(copy, into: own, count: range.count, scale: softmaxScale, precisely: true)
      } else {
        let whole = wholeVectors(range)
        (entries + range.upperBound).update(repeating: -.infinity, count: whole.upperBound - range.upperBound)
        KernelSet.best.softmax(own, into: own, count: whole.count, scale: softmaxScale)
      }
      clear(entries, columns, outside: range)
    }
    return columns
  }

  /// Keys and what follows them up to a whole number of vectors, where a row of scores has room: kernels are slow in parts.
  func wholeVectors(_ keys: Range<Int>) -> Range<Int> {
    keys.lowerBound..<min(keys.lowerBound + padded(keys.count), scoreStride)
  }

  /// Clears the entries of a row that lie in `columns` but not in `range`.
  func clear(_ row: UnsafeMutablePointer<Float>, _ columns: Range<Int>, outside range: Range<Int>) {
    (row + columns.lowerBound).update(repeating: 0, count: range.lowerBound - columns.lowerBound)
    (row + range.upperBound).update(repeating: 0, count: columns.upperBound - range.upperBound)
  }

  /// What the scores of ``rawScores(_:_:_:_:_:precisely:)`` are multiplied by in the softmax.
  var softmaxScale: Double { op.relative != nil || addsBias ? 1 : op.scale }

  /// The scores of a tile of queries before the softmax; masked keys hold any number.
  func rawScores(
    _ head: Int, _ tile: Range<Int>, _ inputs: [UnsafePointer<Float>], _ keys: MatrixPanels,
    _ scratch: UnsafeMutablePointer<Float>, precisely: Bool
  ) {
    let parts = parts
    let columns = columns(of: tile)
    KernelSet.best.multiply(
      inputs[0] + op.query.entry(tile.lowerBound, head),
      rowStride: op.query.channels, keys, columns: columns, into: scratch + parts.scores + columns.lowerBound,
      yStride: scoreStride, rows: tile.count, precisely: precisely)
    guard op.relative != nil || addsBias else { return }
    if let relative = op.relative {
      relativeTile(
        head, tile,
        inputs[3] + relative.operand.entry(tile.lowerBound, head), rowStride: relative.operand.channels, scratch,
        precisely: precisely)
    }
    for (row, i) in tile.enumerated() {
      addToScores(
        scratch + parts.scores + row * scoreStride, i, ranges[i], scratch + parts.relative + row * relativeStride)
    }
  }

  /// The products with the relative constants for a tile of queries.
  /// - Parameter r: the head's row of the tile's first query; rows are `rowStride` floats apart.
  func relativeTile(
    _ head: Int, _ tile: Range<Int>, _ r: UnsafePointer<Float>, rowStride: Int,
    _ scratch: UnsafeMutablePointer<Float>, precisely: Bool
  ) {
    guard let relative = op.relative, let packed = self.relative else { return }
    let each = MatrixPanels.count(terms: relative.size, columns: relative.count)
    let panels = MatrixPanels(
      packed: packed.forward.pointer + head * each, terms: relative.size, columns: relative.count)
    let columns = picks(of: tile)
    KernelSet.best.multiply(
      r, rowStride: rowStride, panels, columns: columns, into: scratch + parts.relative + columns.lowerBound,
      yStride: relativeStride, rows: tile.count, precisely: precisely)
  }

  /// `scale * score + relativeScale * relative + bias` of one query's keys.
  private func addToScores(
    _ entries: UnsafeMutablePointer<Float>, _ i: Int, _ range: Range<Int>, _ products: UnsafeMutablePointer<Float>
  ) {
    scaleAndAddRelative(entries, i, range, products)
    if addsBias {
      op.bias!.withUnsafeBufferPointer { bias in
        let bias = bias.baseAddress! + i * op.keys
        for j in range { entries[j] += bias[j] }
      }
    }
  }

  /// `entries[j] = scale * entries[j] + relativeScale * products[index[i, j]]` for one query's keys.
  func scaleAndAddRelative(
    _ entries: UnsafeMutablePointer<Float>, _ i: Int, _ range: Range<Int>, _ products: UnsafeMutablePointer<Float>
  ) {
    let scale = Float(op.scale)
    guard let relative = op.relative else {
      for j in range { entries[j] *= scale }
      return
    }
    let factor = Float(relative.scale)
    if let shift = picks[i].shift {
      KernelSet.best.combine(
        scale, entries + range.lowerBound, factor, products + shift + range.lowerBound, count: range.count)
    } else {
      relative.index.withUnsafeBufferPointer { index in
        let index = index.baseAddress! + i * op.keys
        for j in range { entries[j] = (scale * entries[j]).addingProduct(factor, products[Int(index[j])]) }
      }
    }
  }
}
