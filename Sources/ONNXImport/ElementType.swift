internal import FoundationEssentials
internal import Tensors

/// Elements of a tensor, float32 where they were stored so.
enum ElementValues {
  case single([Float])
  case double([Double])
}

/// ONNX element types that become constants; raw values are those of `TensorProto.DataType`.
enum ElementType: Int {
  case float = 1
  case uint8 = 2
  case int8 = 3
  case uint16 = 4
  case int16 = 5
  case int32 = 6
  case int64 = 7
  case bool = 9
  case float16 = 10
  case double = 11
  case uint32 = 12
  case uint64 = 13
  case bfloat16 = 16

  /// Bytes an element.
  var width: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .float, .int32, .uint32: 4
    case .double, .int64, .uint64: 8
    }
  }

  var kind: ConstantTensor.Kind {
    switch self {
    case .float, .float16, .double, .bfloat16: .float
    case .bool: .boolean
    default: .integer
    }
  }

  /// Little-endian bytes; `nil` when they are not exactly `count` elements.
  func decode(_ data: Data, count: Int) -> ElementValues? {
    guard data.count == count * width else { return nil }
    return data.withUnsafeBytes { bytes in
      func each<Element>(_ type: Element.Type, _ convert: (Element) -> Double) -> ElementValues {
        .double((0..<count).map { convert(bytes.loadUnaligned(fromByteOffset: $0 * width, as: type)) })
      }
      switch self {
      case .float:
        return .single(
          [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            for i in 0..<count {
              buffer.initializeElement(at: i, to: bytes.loadUnaligned(fromByteOffset: i * 4, as: Float.self))
            }
            filled = count
          })
      case .double: return each(Double.self) { $0 }
      case .float16: return each(UInt16.self) { Self.half($0) }
      case .bfloat16: return each(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
      case .bool: return each(UInt8.self) { $0 == 0 ? 0 : 1 }
      case .uint8: return each(UInt8.self) { Double($0) }
      case .int8: return each(Int8.self) { Double($0) }
      case .uint16: return each(UInt16.self) { Double($0) }
      case .int16: return each(Int16.self) { Double($0) }
      case .int32: return each(Int32.self) { Double($0) }
      case .uint32: return each(UInt32.self) { Double($0) }
      case .int64: return each(Int64.self) { Double($0) }
      case .uint64: return each(UInt64.self) { Double($0) }
      }
    }
  }

  /// The typed fields; small types are stored in `int32_data`, halves by their bits.
  func decode(fieldsOf tensor: Onnx_TensorProto, count: Int) -> ElementValues? {
    let values: ElementValues
    let found: Int
    switch self {
    case .float: (values, found) = (.single(tensor.floatData), tensor.floatData.count)
    case .double: (values, found) = (.double(tensor.doubleData), tensor.doubleData.count)
    case .int64: (values, found) = (.double(tensor.int64Data.map(Double.init)), tensor.int64Data.count)
    case .uint32, .uint64: (values, found) = (.double(tensor.uint64Data.map(Double.init)), tensor.uint64Data.count)
    default:
      let numbers = tensor.int32Data
      found = numbers.count
      switch self {
      case .float16: values = .double(numbers.map { Self.half(UInt16(truncatingIfNeeded: $0)) })
      case .bfloat16:
        values = .double(numbers.map { Double(Float(bitPattern: UInt32(UInt16(truncatingIfNeeded: $0)) << 16)) })
      case .bool: values = .double(numbers.map { $0 == 0 ? 0 : 1 })
      default: values = .double(numbers.map(Double.init))
      }
    }
    return found == count ? values : nil
  }

  /// IEEE half precision, from its bits.
  static func half(_ bits: UInt16) -> Double {
    let sign: Double = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Double(bits & 0x3FF)
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }
}
