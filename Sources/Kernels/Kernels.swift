internal import CKernels
internal import Glibc

/// Picks the instruction set once and offers every inner loop of `CKernels` as a checked Swift call.
///
/// Start from ``KernelSet/best``. All sets give the same bits (docs/kernels.md), so which one runs never shows in a result.
public struct KernelSet: Sendable, CustomStringConvertible {
  /// Output channels a panel of packed weights holds.
  public static let panel = Int(TISMSCAN_PANEL)

  /// A constant of the C library: written never, so shared freely.
  nonisolated(unsafe) private let kernels: UnsafePointer<tismscan_kernels>
  var table: tismscan_kernels { kernels.pointee }

  private init(index: Int) { kernels = tismscan_supported(index) }

  /// The sets that this processor runs, fastest first; the last is the portable one.
  public static let supported: [KernelSet] = (0..<tismscan_supported_count()).map { KernelSet(index: $0) }

  /// The set in use: the fastest, or the one that the environment variable `TISMSCAN_ISA` names (read once).
  public static let best: KernelSet = {
    guard let forced = getenv("TISMSCAN_ISA").map({ String(cString: $0) }), !forced.isEmpty else { return supported[0] }
    return named(forced) ?? supported[0]
  }()

  /// The value of `TISMSCAN_ISA` when no set of this processor has that name: the command line refuses it.
  public static let unknownForcedName: String? = {
    guard let forced = getenv("TISMSCAN_ISA").map({ String(cString: $0) }), !forced.isEmpty else { return nil }
    return named(forced) == nil ? forced : nil
  }()

  /// A set by name (`x86-64-v4`, `v4`, `x86-64-v3`, `v3`, `neon`, `portable`).
  public static func named(_ name: String) -> KernelSet? {
    supported.first { $0.description == name || $0.description.hasSuffix("-" + name) }
  }

  public var description: String { String(cString: table.name) }
}
