import Glibc

/// The process that writes a temporary file of ``AtomicFile``, as the file's name says.
public struct TemporaryWriter: Equatable, Sendable {
  /// Name of the machine and of the space of its process numbers (a container has its own), without what file names and the
  /// fields of this one set apart.
  public let host: String
  public let process: Int32

  /// This process.
  public static let own = TemporaryWriter(host: thisHost, process: getpid())

  private init(host: String, process: Int32) {
    self.host = host
    self.process = process
  }

  /// The writer that `HOST-PROCESS-...` names; `nil` for anything else.
  public init?(field: some StringProtocol) {
    let parts = field.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, let process = Int32(parts[1]), process > 0,
      UInt32(parts[2], radix: 36) != nil
    else { return nil }
    self.init(host: String(parts[0]), process: process)
  }

  /// Whether it runs, or ran, on this machine: elsewhere process numbers mean nothing.
  public var isHere: Bool { host == Self.thisHost }
  /// Whether such a process runs on this machine.
  public var isAlive: Bool { kill(process, 0) == 0 || errno == EPERM }

  /// A name that no other file gets: `HOST-PROCESS-RANDOM`.
  public static func uniqueField() -> String {
    "\(own.host)-\(own.process)-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
  }

  /// Changes with every start of the machine and from container to container, whatever they are called.
  private static let processSpace: String = {
    var link = [CChar](repeating: 0, count: 64)
    readlink("/proc/self/ns/pid", &link, link.count - 1)
    var boot = [UInt8](repeating: 0, count: 64)
    let file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    if file >= 0 {
      _ = read(file, &boot, boot.count)
      close(file)
    }
    let known = link.map { UInt8(bitPattern: $0) } + boot
    return String(known.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }, radix: 36)
  }()

  private static let thisHost: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let text = String(decoding: bytes, as: UTF8.self).map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
    return (text.isEmpty ? "unknown" : String(text)) + "_" + processSpace
  }()
}
