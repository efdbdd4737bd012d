/// What can be wrong with an npy or npz file.
public enum NumPyError: Error, Equatable, Sendable {
  /// There is no such file, or it cannot be read; `reason` is the system's.
  case unreadable(path: String, reason: String)
  /// Not an npy file, or one that is cut off; `member` is its name in an npz.
  case notNPY(path: String, member: String?)
  /// Not a zip file, or one whose directory is damaged or cut off.
  case notNPZ(path: String)
  /// A member's bytes do not give what the directory says.
  case damagedMember(path: String, member: String)
  /// Elements of another type than ``NumPyType`` has.
  case unsupportedType(path: String, member: String?, type: String)
  /// An array in column-major order.
  case fortranOrder(path: String, member: String?)
}

extension NumPyError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot read: \(reason)"
    case .notNPY(let path, let member): "\(Self.place(path, member)): not a NumPy array, or cut off"
    case .notNPZ(let path): "\(path): not an npz file, or cut off"
    case .damagedMember(let path, let member): "\(Self.place(path, member)): damaged; copy the file again"
    case .unsupportedType(let path, let member, let type):
      "\(Self.place(path, member)): elements of type \(type) are not supported: save it with "
        + "`.astype(\"<f4\")` or another of \(NumPyType.allCases.map(\.rawValue).joined(separator: " "))"
    case .fortranOrder(let path, let member):
      "\(Self.place(path, member)): column-major: save it with `numpy.ascontiguousarray`"
    }
  }

  private static func place(_ path: String, _ member: String?) -> String { member.map { "\(path): \($0)" } ?? path }
}
