/// Writes an npz file (a zip of npy arrays), all or nothing, for `numpy.load` with its safe defaults.
///
/// Arrays are added whole by `add`, or piece by piece between ``begin(name:shape:type:)`` and ``end()``, so that a big array
/// needs no second copy in memory. Elements are row-major and little-endian. Members beyond 4 GiB are zip64.
public struct NPZWriter: ~Copyable {
  /// How members are kept.
  public enum Compression: Sendable {
    /// As they are: fast, and NumPy can map them.
    case stored
    /// Compressed as `numpy.savez_compressed` does.
    case deflated
  }

  private var file: AtomicFile
  private let compression: Compression
  private var members: [ZipMember] = []
  private var names: Set<String> = []
  /// Bytes written so far.
  private var offset = 0
  /// The array being written and how many of its bytes are missing.
  private var open: (member: ZipMember, missing: Int)?
  private var deflater: Deflater?

  public init(path: String, compression: Compression = .stored) throws(TrackError) {
    file = try AtomicFile(path: path)
    self.compression = compression
  }

  /// Adds a whole array of float32.
  public mutating func add(name: String, shape: [Int], floats: [Float]) throws(TrackError) {
    try add(name, shape, .float32, floats)
  }

  /// Adds a whole array of float64.
  public mutating func add(name: String, shape: [Int], doubles: [Double]) throws(TrackError) {
    try add(name, shape, .float64, doubles)
  }

  /// Adds a whole array of unsigned bytes.
  public mutating func add(name: String, shape: [Int], bytes: [UInt8]) throws(TrackError) {
    try add(name, shape, .uint8, bytes)
  }

  /// Adds a whole array of int64.
  public mutating func add(name: String, shape: [Int], integers: [Int64]) throws(TrackError) {
    try add(name, shape, .int64, integers)
  }

  /// Adds a one-dimensional array of ASCII texts (`|S` of the longest), such as contig names.
  public mutating func add(name: String, texts: [String]) throws(TrackError) {
    let width = max(1, texts.map(\.utf8.count).max() ?? 1)
    try begin(name: name, shape: [texts.count], descriptor: "|S\(width)", elementSize: width)
    for text in texts { try append(text.utf8 + [UInt8](repeating: 0, count: width - text.utf8.count)) }
    try end()
  }

  /// Starts an array whose elements follow by `append`, row-major.
  public mutating func begin(name: String, shape: [Int], type: NumPyType) throws(TrackError) {
    try begin(name: name, shape: shape, descriptor: type.rawValue, elementSize: type.size)
  }

  /// Adds elements to an array of float32.
  public mutating func append(_ floats: [Float]) throws(TrackError) { try append(elements: floats) }

  /// Adds elements to an array of float64.
  public mutating func append(_ doubles: [Double]) throws(TrackError) { try append(elements: doubles) }

  /// Adds elements to an array of unsigned bytes (or booleans).
  public mutating func append(_ bytes: [UInt8]) throws(TrackError) { try append(elements: bytes) }

  /// Adds elements to an array of int64.
  public mutating func append(_ integers: [Int64]) throws(TrackError) { try append(elements: integers) }

  /// Ends the array that `begin` started; it must have all its elements.
  public mutating func end() throws(TrackError) {
    guard var member = open?.member, let missing = open?.missing else { preconditionFailure("no array to end") }
    precondition(missing == 0, "\(missing) bytes of \(member.name) are missing")
    if compression == .deflated { try put(deflater!.finish(), of: &member) }
    deflater = nil
    try file.overwrite(member.localHeader, at: member.offset)
    members.append(member)
    open = nil
  }

  /// Completes the file and gives it its name.
  public consuming func finish() throws(TrackError) {
    precondition(open == nil, "an array was not ended")
    try file.write(ZipMember.directory(of: members, at: offset))
    try file.commit()
  }

  private mutating func add<Element: BitwiseCopyable>(
    _ name: String, _ shape: [Int], _ type: NumPyType, _ elements: [Element]
  ) throws(TrackError) {
    try begin(name: name, shape: shape, type: type)
    try append(elements: elements)
    try end()
  }

  private mutating func begin(
    name: String, shape: [Int], descriptor: String, elementSize: Int
  ) throws(TrackError) {
    precondition(open == nil, "an array was not ended")
    precondition(names.insert(name).inserted, "two arrays are named \(name)")
    let header = NumPyHeader(descriptor: descriptor, shape: shape).bytes
    let member = ZipMember(name: name + ".npy", offset: offset, isDeflated: compression == .deflated)
    try file.write(member.localHeader)
    offset += member.localHeader.count
    open = (member, header.count + shape.reduce(elementSize, *))
    if compression == .deflated { deflater = Deflater() }
    try append(elements: header)
  }

  private mutating func append<Element: BitwiseCopyable>(elements: [Element]) throws(TrackError) {
    guard var (member, missing) = open else { preconditionFailure("no array was begun") }
    // Blocks bound what the deflater holds at once.
    let block = (1 << 20) / MemoryLayout<Element>.stride
    for start in stride(from: 0, to: elements.count, by: block) {
      let bytes = elements[start..<min(start + block, elements.count)].withUnsafeBytes { Array($0) }
      missing -= bytes.count
      precondition(missing >= 0, "too many elements in \(member.name)")
      member.add(bytes)
      if compression == .deflated {
        try put(deflater!.deflate(bytes), of: &member)
      } else {
        try put(bytes, of: &member)
      }
    }
    open = (member, missing)
  }

  /// Writes bytes as they will lie in the file.
  private mutating func put(_ bytes: [UInt8], of member: inout ZipMember) throws(TrackError) {
    try file.write(bytes)
    member.storedSize += bytes.count
    offset += bytes.count
  }
}
