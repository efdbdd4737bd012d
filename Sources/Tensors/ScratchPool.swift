import Glibc
import Synchronization

/// Memory of sessions, which come and go with every unit of work: large blocks are handed out again instead of being given
/// back, because each fresh page costs a fault. A block is at most twice as large as what it is used for, and blocks that are
/// kept and in use exceed together by at most a quarter those that were in use at once before (so that a small session does
/// not cost a large one its block): the process takes at most two and a half times what its tasks needed at their worst
/// moment.
final class ScratchPool: Sendable {
  /// Blocks from here on are pages of their own; smaller ones come from the allocator.
  static let smallest = 1 << 20
  static let shared = ScratchPool()

  struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let bytes: Int
  }

  private struct State {
    var free: [Block] = []
    /// Bytes in use, and the most there were.
    var used = 0
    var most = 0
    var kept: Int { free.reduce(0) { $0 + $1.bytes } }
  }
  private let state = Mutex(State())

  /// At least `bytes` zeros, on a page boundary.
  func take(_ bytes: Int) -> Block {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let wanted = (bytes + page - 1) / page * page
    let block: Block? = state.withLock { state in
      let fitting = state.free.indices.filter { wanted...2 * wanted ~= state.free[$0].bytes }
      let found = fitting.min { state.free[$0].bytes < state.free[$1].bytes }.map { state.free.remove(at: $0) }
      state.used += found?.bytes ?? wanted
      state.most = max(state.most, state.used)
      // Too small ones make room for a fresh one.
      while state.used + state.kept > state.most + state.most / 4 { Self.unmap(state.free.removeFirst()) }
      return found
    }
    if let block {
      memset(block.base, 0, bytes)
      return block
    }
    let base = mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let base, base != MAP_FAILED else { fatalError("out of memory: \(wanted) bytes for a session") }
    return Block(base: base, bytes: wanted)
  }

  /// Bytes in use and kept.
  var mapped: Int { state.withLock { $0.used + $0.kept } }

  /// Gives back what is kept.
  func trim() {
    state.withLock { state in
      for block in state.free { Self.unmap(block) }
      state.free = []
    }
  }

  func give(back block: Block) {
    state.withLock { state in
      state.used -= block.bytes
      state.free.append(block)
    }
  }

  private static func unmap(_ block: Block) { munmap(block.base, block.bytes) }
}

/// Memory of sessions that are gone, which is kept for the next.
public enum SessionMemory {
  /// Gives it back, as before memory is measured.
  public static func trim() { ScratchPool.shared.trim() }
}
