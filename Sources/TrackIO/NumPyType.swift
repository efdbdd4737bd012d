/// The element types of NumPy arrays that this package reads and writes; the raw value is NumPy's name.
public enum NumPyType: String, Sendable, CaseIterable {
  case float32 = "<f4"
  case float64 = "<f8"
  case uint8 = "|u1"
  case int32 = "<i4"
  case int64 = "<i8"
  case boolean = "|b1"

  /// Bytes an element.
  public var size: Int {
    switch self {
    case .uint8, .boolean: 1
    case .float32, .int32: 4
    case .float64, .int64: 8
    }
  }
}
