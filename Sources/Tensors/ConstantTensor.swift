/// A tensor whose values are known: a weight, an attribute, or a result of shape arithmetic.
///
/// Values of every element type are held in float64, in which float32 weights, booleans and all integers up to 2^53 are
/// exact, so that one plain evaluator serves constant folding and the oracle of the tests. Large float32 weights keep their
/// float32 storage until somebody asks for float64.
public struct ConstantTensor: Sendable {
  /// What the elements stand for; arithmetic on integers truncates as ONNX says.
  public enum Kind: Hashable, Sendable { case float, integer, boolean }

  private enum Storage: Sendable {
    case single([Float])
    case double([Double])
  }

  public let shape: Shape
  public let kind: Kind
  private let storage: Storage

  public init(shape: Shape, kind: Kind = .float, values: [Double]) {
    precondition(values.count == shape.count, "\(values.count) values do not fill \(shape)")
    self.shape = shape
    self.kind = kind
    self.storage = .double(values)
  }

  /// Float32 weights, kept as they are.
  public init(shape: Shape, floats: [Float]) {
    precondition(floats.count == shape.count, "\(floats.count) values do not fill \(shape)")
    self.shape = shape
    self.kind = .float
    self.storage = .single(floats)
  }

  /// A one-dimensional tensor of integers.
  public init(integers: [Int]) {
    self.init(shape: [integers.count], kind: .integer, values: integers.map(Double.init))
  }

  /// A scalar.
  public init(scalar: Double, kind: Kind = .float) { self.init(shape: [], kind: kind, values: [scalar]) }

  /// The elements in row-major order.
  public var values: [Double] {
    switch storage {
    case .single(let floats): floats.map(Double.init)
    case .double(let doubles): doubles
    }
  }

  /// The elements rounded to float32, in row-major order.
  public var floats: [Float] {
    switch storage {
    case .single(let floats): floats
    case .double(let doubles): doubles.map { Float($0) }
    }
  }

  /// The elements as integers; values beyond `Int` are clamped (exporters write huge slice ends), NaN is 0.
  public var integers: [Int] {
    values.map { $0.isNaN ? 0 : $0 >= 9.2e18 ? Int.max : $0 <= -9.2e18 ? Int.min : Int($0) }
  }

  /// The same values under another shape of the same size.
  public func reshaped(_ shape: Shape) -> ConstantTensor {
    switch storage {
    case .single(let floats): ConstantTensor(shape: shape, floats: floats)
    case .double(let doubles): ConstantTensor(shape: shape, kind: kind, values: doubles)
    }
  }

  /// The same values in another order, under another shape of the same size. Float32 weights stay float32.
  /// - Parameter move: calls its argument with the number of every element, before and after.
  public func rearranged(
    to shape: Shape, _ move: (_ element: (_ from: Int, _ to: Int) -> Void) -> Void
  ) -> ConstantTensor {
    switch storage {
    case .single(let floats):
      var moved = [Float](repeating: 0, count: floats.count)
      move { moved[$1] = floats[$0] }
      return ConstantTensor(shape: shape, floats: moved)
    case .double(let doubles):
      var moved = [Double](repeating: 0, count: doubles.count)
      move { moved[$1] = doubles[$0] }
      return ConstantTensor(shape: shape, kind: kind, values: moved)
    }
  }

  /// The same values as another kind of number (ONNX Cast: floats truncate towards zero, booleans test for zero).
  public func cast(to kind: Kind) -> ConstantTensor {
    switch (self.kind, kind) {
    case (.float, .integer): ConstantTensor(shape: shape, kind: kind, values: values.map { $0.rounded(.towardZero) })
    case (_, .boolean): ConstantTensor(shape: shape, kind: kind, values: values.map { $0 != 0 ? 1 : 0 })
    default: self.kind == kind ? self : ConstantTensor(shape: shape, kind: kind, values: values)
    }
  }
}
