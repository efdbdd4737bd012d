internal import Glibc
internal import NetworkGraph
internal import Tensors

/// Multi-head scaled dot-product attention over rows of channels, for one sequence: `[1, n, *], [1, m, *], [1, m, *] (,
/// [1, n, *]) -> [1, n, heads * valueSize]`.
///
/// For head `h` and query row `i`: `s[j] = scale * (q[i] . k[j]) + relativeScale * (r[i] . R[:, index[i, j]]) + bias[i, j]`,
/// `p = softmax(s)` over the keys that the mask leaves, `y[i] = sum over j of p[j] v[j]`. Made by `AttentionPass` from the
/// products, masks and softmax that exporters write; no ONNX node imports to it.
struct Attention: NetworkOperator {
  /// Where a head's row lies within the channels of an operand: at `offset + head * stride`.
  struct HeadRows: Hashable, Sendable {
    /// Channels of the operand.
    var channels: Int
    var offset: Int
    var stride: Int

    /// Offset of the first entry of a head's row.
    @inline(__always)
    func entry(_ row: Int, _ head: Int) -> Int { row * channels + offset + head * stride }
  }

  /// Scores by relative position: a product of a fourth operand with constants, picked by index.
  struct Relative: Sendable {
    var operand: HeadRows
    /// Terms of the product.
    var size: Int
    /// `[heads, size, count]`, row-major.
    var weights: [Float]
    var count: Int
    /// `[queries, keys]`, each below `count`.
    var index: [Int32]
    var scale: Double
  }

  var heads: Int
  var queries: Int
  var keys: Int
  /// Terms of a score.
  var keySize: Int
  var valueSize: Int
  var query: HeadRows
  var key: HeadRows
  var value: HeadRows
  /// Positive.
  var scale: Double
  /// `[queries, keys]`; `-infinity` where a key is masked. `nil` for all zeros.
  var bias: [Float]?
  var relative: Relative?

  var kind: String { "Attention" }

  /// Keys of each query that are not masked: from the first to the last one.
  func keyRange(of query: Int) -> Range<Int> {
    guard let bias else { return 0..<keys }
    let row = bias[query * keys..<(query + 1) * keys]
    guard let first = row.firstIndex(where: { $0 > -.infinity }) else { return 0..<0 }
    return first - row.startIndex..<row.lastIndex { $0 > -.infinity }! + 1 - row.startIndex
  }

  func outputShapes(for inputs: [Shape]) throws(OperatorError) -> [Shape] {
    let wanted: [Shape] =
      [[1, queries, query.channels], [1, keys, key.channels], [1, keys, value.channels]]
      + (relative.map { [[1, queries, $0.operand.channels]] } ?? [])
    guard inputs == wanted else { throw OperatorError("attention on \(inputs), made for \(wanted)") }
    return [[1, queries, heads * valueSize]]
  }

  func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: inputs.map(\.shape))[0]
    let (q, k, v) = (inputs[0].values, inputs[1].values, inputs[2].values)
    let r = relative == nil ? [] : inputs[3].values
    var y = [Double](repeating: 0, count: output.count)
    for head in 0..<heads {
      for i in 0..<queries {
        let range = keyRange(of: i)
        let scores = range.map { j -> Double in
          var product = 0.0
          for c in 0..<keySize {
            product +=
              q[query.entry(i, head) + c]
              * k[key.entry(j, head) + c]
          }
          var score = scale * product + Double(bias?[i * keys + j] ?? 0)
          if let relative {
            var product = 0.0
            for c in 0..<relative.size {
              let weight = relative.weights[
                (head * relative.size + c) * relative.count + Int(relative.index[i * keys + j])]
              product +=
                r[relative.operand.entry(i, head) + c]
                * Double(weight)
            }
            score += relative.scale * product
          }
          return score
        }
        let most = scores.max() ?? 0
        let powers = scores.map { exp($0 - most) }
        let sum = powers.reduce(0, +)
        for c in 0..<valueSize {
          var total = 0.0
          for (power, j) in zip(powers, range) {
            total += power / sum * v[value.entry(j, head) + c]
          }
          y[(i * heads + head) * valueSize + c] = total
        }
      }
    }
    return [ConstantTensor(shape: output, values: y)]
  }

  /// When no query sees a later key, a row reads nothing downstream of what its own operands read.
  func dependence(of inputs: [Dependence], shapes: [Shape]) -> [Dependence] {
    let all = Dependence.union(inputs)
    guard case .window(var window) = all, window.axis == 1, queries == keys,
      (0..<queries).allSatisfy({ keyRange(of: $0).upperBound <= $0 + 1 })
    else { return [all == .nothing ? .nothing : .everything] }
    window.back = PositionWindow.unbounded
    return [.window(window)]
  }

  func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    _ = try outputShapes(for: operands.map(\.shape))
    return CompiledAttention(self)
  }
}
