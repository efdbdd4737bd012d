/// An ONNX file of convolutions side by side, written byte by byte: `x [batch, 4, length]` to one `[batch, 1, length]` output
/// a name.
public struct SmallONNX: Sendable {
  public var inputs = ["x"]
  public var outputs = ["y"]
  /// `nil` for a free batch axis.
  public var batch: Int?
  public var length = 20
  public var sigmoid = false
  public var padded = true
  public var metadata: [(String, String)] = []

  public init() {}

  public var bytes: [UInt8] {
    var graph: [UInt8] = []
    for (number, name) in outputs.enumerated() {
      let last = sigmoid ? "\(name).logit" : name
      var attributes = Self.field(1, "kernel_shape") + Self.field(20, 7) + Self.field(8, 3)
      var convolution = Self.field(1, inputs[0]) + Self.field(1, "w\(number)") + Self.field(2, last)
      convolution += Self.field(4, "Conv") + Self.field(5, attributes)
      if padded {
        attributes = Self.field(1, "pads") + Self.field(20, 7) + Self.field(8, 1) + Self.field(8, 1)
        convolution += Self.field(5, attributes)
      }
      graph += Self.field(1, convolution)
      if sigmoid {
        graph += Self.field(1, Self.field(1, last) + Self.field(2, name) + Self.field(4, "Sigmoid"))
      }
      let weights = (0..<12).map { Float(($0 * 5 + number * 3) % 11) / 4 - 1.2 }
      let raw = weights.flatMap { weight in (0..<4).map { UInt8(truncatingIfNeeded: weight.bitPattern >> (8 * $0)) } }
      graph += Self.field(
        5,
        Self.field(1, 1) + Self.field(1, 4) + Self.field(1, 3) + Self.field(2, 1) + Self.field(8, "w\(number)")
          + Self.field(9, raw))
    }
    for name in inputs { graph += Self.field(11, port(name, [batch, 4, length])) }
    for name in outputs { graph += Self.field(12, port(name, [batch, 1, length - (padded ? 0 : 2)])) }
    var model = Self.field(1, 8) + Self.field(7, graph) + Self.field(8, Self.field(2, 17))
    for (key, value) in metadata { model += Self.field(14, Self.field(1, key) + Self.field(2, value)) }
    return model
  }

  private func port(_ name: String, _ dims: [Int?]) -> [UInt8] {
    let shape = dims.flatMap { Self.field(1, $0.map { Self.field(1, $0) } ?? Self.field(2, "N")) }
    return Self.field(1, name) + Self.field(2, Self.field(1, Self.field(1, 1) + Self.field(2, shape)))
  }

  private static func varint(_ value: Int) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
  }

  private static func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }

  private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(bytes.count) + bytes
  }

  private static func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
}
