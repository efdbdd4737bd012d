internal import NetworkGraph
internal import Operators
internal import Tensors

/// Einstein sums of two operands, as attention is often written: brought to a batched matrix product.
enum Einsum {
  static func apply(_ node: ONNXNode, _ build: inout NodeBuilder) throws(OperatorError) -> [Graph.ValueID] {
    let equation = node.string("equation", default: "").filter { $0 != " " }
    let sides = equation.split(separator: "-", maxSplits: 1).map(String.init)
    guard sides.count == 2, sides[1].hasPrefix(">") else { throw unsupported(equation) }
    let terms = sides[0].split(separator: ",").map(Array.init)
    let output = Array(sides[1].dropFirst())
    guard terms.count == 2, (terms + [output]).allSatisfy({ $0.allSatisfy(\.isLetter) && Set($0).count == $0.count })
    else { throw unsupported(equation) }
    let (left, right) = (terms[0], terms[1])
    var (a, b) = (try build.input(0), try build.input(1))
    guard build.shape(of: a).rank == left.count, build.shape(of: b).rank == right.count else {
      throw OperatorError("equation '\(equation)' for operands \(build.shape(of: a)) and \(build.shape(of: b))")
    }
    var lengths: [Character: Int] = [:]
    for (letters, value) in [(left, a), (right, b)] {
      for (axis, letter) in letters.enumerated() {
        let length = build.shape(of: value)[axis]
        guard lengths[letter] == nil || lengths[letter] == length else {
          throw OperatorError("axes '\(letter)' of equation '\(equation)' differ")
        }
        lengths[letter] = length
      }
    }
    let shared = left.filter { right.contains($0) && output.contains($0) }
    let summed = left.filter { right.contains($0) && !output.contains($0) }
    let rows = left.filter { !right.contains($0) }
    let columns = right.filter { !left.contains($0) }
    // A letter of one operand alone must reach the output: sums of one operand are another operator.
    guard (rows + columns).allSatisfy(output.contains), Set(output).count == shared.count + rows.count + columns.count
    else { throw unsupported(equation) }
    func dims(_ letters: [Character]) -> [Int] { letters.map { lengths[$0]! } }
    func count(_ letters: [Character]) -> Int { dims(letters).reduce(1, *) }

    a = try build.transpose(a, (shared + rows + summed).map { left.firstIndex(of: $0)! })
    a = try build.reshape(a, to: dims(shared) + [count(rows), count(summed)])
    b = try build.transpose(b, (shared + summed + columns).map { right.firstIndex(of: $0)! })
    b = try build.reshape(b, to: dims(shared) + [count(summed), count(columns)])
    let product = try ImportRules.product(a, b, &build)[0]
    let whole = try build.reshape(product, to: dims(shared + rows + columns))
    let order = shared + rows + columns
    return try build.emit(try Transpose(permutation: output.map { order.firstIndex(of: $0)! }), whole)
  }

  private static func unsupported(_ equation: String) -> OperatorError {
    OperatorError("equation '\(equation)': only sums over axes that two operands share are supported")
  }
}
