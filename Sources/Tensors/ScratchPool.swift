import Glibc
import Synchronization

/// Memory of sessions, which come and go with every unit of work: large blocks are handed out again instead of being given
/// back, because each fresh page costs a fault. What is kept and what is in use never exceed together what was in use at
/// once before, so the process takes no more than its tasks needed at their worst moment.
struct ScratchPool: ~Copyable, Sendable {
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
      let fitting = state.free.indices.filter { state.free[$0].bytes >= wanted }
      let found = fitting.min { state.free[$0].bytes < state.free[$1].bytes }.map { state.free.remove(at: $0) }
      state.used += found?.bytes ?? wanted
      state.most = max(state.most, state.used)
      // Too small ones make room for a fresh one.
      while state.used + state.kept > state.most { Self.unmap(state.free.removeFirst()) }
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

  func give(back block: Block) {
    state.withLock { state in
      state.used -= block.bytes
      state.free.append(block)
    }
  }

  private static func unmap(_ block: Block) { munmap(block.base, block.bytes) }
}
