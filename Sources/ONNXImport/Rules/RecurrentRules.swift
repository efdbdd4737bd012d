internal import NetworkGraph
internal import Operators
internal import Tensors

extension ImportRules {
  static let recurrentRules: [String: ImportRule] = [
    "LSTM": { node, build throws(OperatorError) in try recurrent(node, &build, .lstm) },
    "GRU": { node, build throws(OperatorError) in
      try recurrent(node, &build, .gru(resetAfter: node.flag("linear_before_reset")))
    },
  ]

  /// X, W, R, B, sequence_lens, initial_h, and of an LSTM initial_c and P; Y, Y_h, and of an LSTM Y_c.
  private static func recurrent(
    _ node: ONNXNode, _ build: inout NodeBuilder, _ cell: Recurrence.Cell
  ) throws(OperatorError) -> [Graph.ValueID] {
    let activations = cell == .lstm ? ["sigmoid", "tanh", "tanh"] : ["sigmoid", "tanh"]
    let names = ["forward": [false], "reverse": [true], "bidirectional": [false, true]]
    let direction = node.string("direction", default: "forward")
    guard let reversed = names[direction] else { throw OperatorError("direction '\(direction)'") }
    if let given = node.strings("activations"), !given.isEmpty {
      guard given.map({ $0.lowercased() }) == reversed.flatMap({ _ in activations }) else {
        throw OperatorError("activations \(given.joined(separator: ", ")); only Sigmoid and Tanh are supported")
      }
    }
    guard node.float("clip", default: 0) == 0, !node.flag("input_forget") else {
      throw OperatorError("its attribute \(node.flag("input_forget") ? "input_forget" : "clip") is not supported")
    }
    guard !build.has(7) else { throw OperatorError("peepholes (its input P) are not supported; export without them") }
    let layout = node.int("layout")
    guard layout == 0 || layout == 1 else { throw OperatorError("layout \(layout)") }

    var x = try build.input(0)
    guard build.shape(of: x).rank == 3 else { throw OperatorError("input \(build.shape(of: x)); it needs three axes") }
    if layout == 0 { x = try build.transpose(x, [1, 0, 2]) }
    let (sequences, length) = (build.shape(of: x)[0], build.shape(of: x)[1])
    if let lengths = try build.optionalConstant(4, "sequence lengths") {
      guard lengths.integers.allSatisfy({ $0 == length }) else {
        throw OperatorError(
          "sequences of different lengths (its input sequence_lens) are not supported; export without them")
      }
    }
    let units = node.int("hidden_size", default: try build.constant(2, "recurrence weights").shape.dims.last ?? 0)
    func part(_ index: Int, _ what: String, _ number: Int, byDirection axis: Int = 0) throws(OperatorError)
      -> ConstantTensor?
    {
      guard let tensor = try build.optionalConstant(index, what) else { return nil }
      guard tensor.shape.rank > axis, tensor.shape[axis] == reversed.count else {
        throw OperatorError("\(what) of shape \(tensor.shape) for \(reversed.count) directions")
      }
      return try Gather(axis: axis, indices: [number], indexShape: []).evaluate([tensor])[0]
    }
    var directions: [Recurrence.Direction] = []
    for (number, isReversed) in reversed.enumerated() {
      guard let own = try part(1, "weights", number), let recurrence = try part(2, "recurrence weights", number) else {
        throw OperatorError("it has no weights (its inputs W and R)")
      }
      directions.append(
        Recurrence.Direction(
          isReversed: isReversed, weight: own, recurrence: recurrence, bias: try part(3, "biases", number),
          initialHidden: try part(5, "initial states", number, byDirection: layout),
          initialCell: cell == .lstm ? try part(6, "initial cell states", number, byDirection: layout) : nil))
    }
    guard length > 0 else { throw OperatorError("an input without positions") }
    let op = try Recurrence(cell, units: units, directions: directions)
    let result = try build.apply(op, x)
    let apart = try build.reshape(result, to: [sequences, length, reversed.count, units])
    let y = layout == 0 ? try build.transpose(apart, [1, 2, 0, 3]) : apart
    let hidden = try lastStates(op, result, from: 0, layout: layout, &build)
    guard cell == .lstm else { return [y, hidden] }
    // An operator of its own, so that a model that does not read the cell states does not compute them.
    let withCells = try Recurrence(cell, units: units, directions: directions, givesCells: true)
    let cells = try lastStates(withCells, try build.apply(withCells, x), from: units, layout: layout, &build)
    return [y, hidden, cells]
  }

  /// The states after each direction's last step, from an operator's result; `offset` entries behind a direction's first.
  private static func lastStates(
    _ op: Recurrence, _ result: Graph.ValueID, from offset: Int, layout: Int, _ build: inout NodeBuilder
  ) throws(OperatorError) -> Graph.ValueID {
    let shape = build.shape(of: result)
    let values = shape[2] / op.directions.count
    var parts: [Graph.ValueID] = []
    for (number, direction) in op.directions.enumerated() {
      let end = direction.isReversed ? 0 : shape[1] - 1
      parts.append(
        try build.apply(
          Slice(cuts: [
            .init(start: 0, count: shape[0]), .init(start: end, count: 1),
            .init(start: number * values + offset, count: op.units),
          ]), result))
    }
    let states = parts.count == 1 ? parts[0] : try build.apply(Concat(axis: 1), parts[0], parts[1])
    return layout == 0 ? try build.transpose(states, [1, 0, 2]) : states
  }
}
