internal import Kernels
public import NetworkGraph
public import Tensors

/// An LSTM or GRU layer along the positions of a sequence: `[N, L, inputs] -> [N, L, directions * values]`.
///
/// A direction's values at a position are its hidden state there, and behind it the cell state when ``givesCells``. The
/// directions lie behind each other; one that runs backwards has its values at the position that it has just read, as ONNX
/// and PyTorch have them. Activations are sigmoid and tanh.
public struct Recurrence: NetworkOperator {
  public enum Cell: Hashable, Sendable {
    case lstm
    /// - Parameter resetAfter: whether the reset gate multiplies the recurrent product (ONNX `linear_before_reset`, as
    ///   PyTorch and Keras have it) rather than the state that goes into it.
    case gru(resetAfter: Bool)

    /// Gates, each as many rows of the weights as there are units: input, output, forget and cell, or update, reset and
    /// hidden.
    var gates: Int { self == .lstm ? 4 : 3 }
  }

  /// What one direction has learned.
  public struct Direction: Sendable {
    public let isReversed: Bool
    /// `[gates * units, inputs]`
    public let weight: ConstantTensor
    /// `[gates * units, units]`
    public let recurrence: ConstantTensor
    /// `[2 * gates * units]`: added to the product with the input, then to that with the state.
    public let bias: ConstantTensor?
    /// States before the first step, `[N, units]` each; zeros when left out.
    public let initialHidden: ConstantTensor?
    public let initialCell: ConstantTensor?

    public init(
      isReversed: Bool, weight: ConstantTensor, recurrence: ConstantTensor, bias: ConstantTensor?,
      initialHidden: ConstantTensor? = nil, initialCell: ConstantTensor? = nil
    ) {
      self.isReversed = isReversed
      self.weight = weight
      self.recurrence = recurrence
      self.bias = bias
      self.initialHidden = initialHidden
      self.initialCell = initialCell
    }
  }

  public let cell: Cell
  public let units: Int
  public let directions: [Direction]
  public let givesCells: Bool

  public init(_ cell: Cell, units: Int, directions: [Direction], givesCells: Bool = false) throws(OperatorError) {
    guard units > 0, !directions.isEmpty else { throw OperatorError("\(units) units, \(directions.count) directions") }
    guard !givesCells || cell == .lstm else { throw OperatorError("a GRU has no cell state") }
    let rows = try Shape.checked([cell.gates, units]).count
    let inputs = directions[0].weight.shape.dims.last ?? 0
    for direction in directions {
      guard inputs > 0, direction.weight.shape == [rows, inputs], direction.recurrence.shape == [rows, units],
        direction.bias == nil || direction.bias!.shape == [2 * rows]
      else {
        throw OperatorError(
          "weights \(direction.weight.shape), \(direction.recurrence.shape) and \(direction.bias?.shape ?? []) for "
            + "\(units) units; expected [\(rows), inputs], [\(rows), \(units)] and [\(2 * rows)]")
      }
    }
    self.cell = cell
    self.units = units
    self.directions = directions
    self.givesCells = givesCells
  }

  public var kind: String { cell == .lstm ? "LSTM" : "GRU" }
  var inputs: Int { directions[0].weight.shape[1] }
  /// Values of one direction at a position.
  var values: Int { givesCells ? 2 * units : units }

  public func outputShapes(for shapes: [Shape]) throws(OperatorError) -> [Shape] {
    let input = shapes[0]
    guard input.rank == 3, input[2] == inputs else {
      throw OperatorError("input \(input) for weights of \(inputs) inputs")
    }
    for initial in directions.flatMap({ [$0.initialHidden, $0.initialCell] }) {
      guard initial == nil || initial!.shape == [input[0], units] else {
        throw OperatorError("initial states \(initial!.shape) for \(input[0]) sequences and \(units) units")
      }
    }
    return [try Shape.checked([input[0], input[1], directions.count * values])]
  }

  public func evaluate(_ inputs: [ConstantTensor]) throws(OperatorError) -> [ConstantTensor] {
    let output = try outputShapes(for: [inputs[0].shape])[0]
    let (x, length) = (inputs[0].values, output[1])
    var y = [Double](repeating: 0, count: output.count)
    for (number, direction) in directions.enumerated() {
      let plain = PlainRecurrence(cell: cell, units: units, direction: direction)
      for n in 0..<output[0] {
        var state = plain.initialState(of: n)
        for step in 0..<length {
          let t = direction.isReversed ? length - 1 - step : step
          let first = (n * length + t) * self.inputs
          state = plain.next(x[first..<first + self.inputs], state)
          let values = givesCells ? state.hidden + state.cell : state.hidden
          let place = (n * length + t) * output[2] + number * self.values
          y.replaceSubrange(place..<place + values.count, with: values)
        }
      }
    }
    return [ConstantTensor(shape: output, values: y)]
  }

  public func compile(_ operands: [Operand]) throws(OperatorError) -> any CompiledOperator {
    CompiledRecurrence(self, input: operands[0].shape, output: try outputShapes(for: [operands[0].shape])[0])
  }
}

/// The steps of one direction in float64, as ONNX defines them.
private struct PlainRecurrence {
  let cell: Recurrence.Cell
  let units: Int
  let direction: Recurrence.Direction
  let weight, recurrence, bias: [Double]

  struct State {
    var hidden, cell: [Double]
  }

  init(cell: Recurrence.Cell, units: Int, direction: Recurrence.Direction) {
    self.cell = cell
    self.units = units
    self.direction = direction
    weight = direction.weight.values
    recurrence = direction.recurrence.values
    bias = direction.bias?.values ?? [Double](repeating: 0, count: 2 * cell.gates * units)
  }

  func initialState(of sequence: Int) -> State {
    func row(_ initial: ConstantTensor?) -> [Double] {
      initial.map { Array($0.values[sequence * units..<(sequence + 1) * units]) } ?? Array(repeating: 0, count: units)
    }
    return State(hidden: row(direction.initialHidden), cell: row(direction.initialCell))
  }

  func next(_ x: ArraySlice<Double>, _ old: State) -> State {
    func sigmoid(_ x: Double) -> Double { UnaryFunction.sigmoid.value(x) }
    func tanh(_ x: Double) -> Double { UnaryFunction.tanh.value(x) }
    func fromInput(_ row: Int) -> Double { dot(weight, row, x) + bias[row] }
    func fromState(_ row: Int, _ h: [Double]) -> Double {
      dot(recurrence, row, h[...]) + bias[cell.gates * units + row]
    }
    func gate(_ number: Int) -> [Double] {
      (0..<units).map { fromInput(number * units + $0) + fromState(number * units + $0, old.hidden) }
    }
    var new = old
    switch cell {
    case .lstm:
      let (input, output, forget, candidate) = (gate(0), gate(1), gate(2), gate(3))
      for u in 0..<units {
        new.cell[u] = sigmoid(forget[u]) * old.cell[u] + sigmoid(input[u]) * tanh(candidate[u])
        new.hidden[u] = sigmoid(output[u]) * tanh(new.cell[u])
      }
    case .gru(let resetAfter):
      let (update, reset) = (gate(0).map(sigmoid), gate(1).map(sigmoid))
      let cut = resetAfter ? old.hidden : zip(reset, old.hidden).map { $0 * $1 }
      for u in 0..<units {
        let recurrent = fromState(2 * units + u, cut)
        let candidate = tanh(fromInput(2 * units + u) + (resetAfter ? reset[u] * recurrent : recurrent))
        new.hidden[u] = (1 - update[u]) * candidate + update[u] * old.hidden[u]
      }
    }
    return new
  }

  /// Row `row` of a matrix times a vector.
  private func dot(_ matrix: [Double], _ row: Int, _ vector: ArraySlice<Double>) -> Double {
    var sum = 0.0
    for (offset, value) in vector.enumerated() { sum += matrix[row * vector.count + offset] * value }
    return sum
  }
}
