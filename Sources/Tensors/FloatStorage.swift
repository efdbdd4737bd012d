import Glibc

/// Immutable float32 storage on a 64-byte boundary, shared by every task: packed weights.
///
/// `@unchecked Sendable`: the memory is written only inside `init`, before anyone else has the object.
public final class AlignedFloats: @unchecked Sendable {
  private let base: UnsafeMutablePointer<Float>
  public let count: Int

  /// Storage of `count` zeros that `fill` may write before it becomes immutable.
  public init(count: Int, fill: (UnsafeMutableBufferPointer<Float>) -> Void = { _ in }) {
    self.count = count
    base = allocateFloats(count)
    fill(UnsafeMutableBufferPointer(start: base, count: count))
  }

  public convenience init(_ values: [Float]) {
    self.init(count: values.count) { buffer in _ = buffer.update(from: values) }
  }

  deinit { base.deallocate() }

  /// The floats; valid while this object lives.
  public var pointer: UnsafePointer<Float> { UnsafePointer(base) }
}

/// Float32 memory on a 64-byte boundary that one task owns and writes, made once per session: zeros at first.
public struct FloatScratch: ~Copyable {
  private let base: UnsafeMutablePointer<Float>
  public let count: Int
  /// Where the memory came from when it is large.
  private let block: ScratchPool.Block?

  public init(count: Int) {
    self.count = count
    let bytes = floatBytes(count)
    block = bytes < ScratchPool.smallest ? nil : ScratchPool.shared.take(bytes)
    base = block?.base.bindMemory(to: Float.self, capacity: count) ?? allocateFloats(count)
  }

  deinit {
    if let block { ScratchPool.shared.give(back: block) } else { base.deallocate() }
  }

  /// The floats; valid while this scratch lives. Only the owning task may use it.
  public var pointer: UnsafeMutablePointer<Float> { base }
}

/// Integers that one task owns and writes, made once per session.
public struct IndexScratch: ~Copyable {
  private let base: UnsafeMutablePointer<Int>
  public let count: Int

  public init(count: Int) {
    self.count = count
    base = .allocate(capacity: max(1, count))
    base.initialize(repeating: 0, count: max(1, count))
  }

  deinit { base.deallocate() }

  /// The integers; valid while this scratch lives. Only the owning task may use it.
  public var pointer: UnsafeMutablePointer<Int> { base }
}

/// Bytes of `count` floats with a vector of slack at the end.
private func floatBytes(_ count: Int) -> Int { (count + 16) * MemoryLayout<Float>.stride }

/// `count` zeros on a 64-byte boundary, with a vector of slack at the end.
private func allocateFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
  let bytes = floatBytes(count)
  let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
  memset(raw, 0, bytes)
  return raw.bindMemory(to: Float.self, capacity: count + 16)
}
