import TestSupport
import Testing

@testable import Tensors

@Suite("Memory of sessions that is used again")
struct ScratchPoolTests {
  private static let page = 4_096

  @Test("blocks hold zeros, belong to one at a time, and take at most two and a half times what was asked for at once")
  func law() {
    let pool = ScratchPool()
    var random = SplitMix64(seed: 5)
    var held: [(block: ScratchPool.Block, bytes: Int)] = []
    var most = 0
    for round in 0..<600 {
      if held.isEmpty || Bool.random(using: &random) && held.count < 6 {
        let bytes =
          [3, 300, 1_000, 4_000].randomElement(using: &random)! * Self.page - Int.random(in: 0..<64, using: &random)
        let block = pool.take(bytes)
        let words = block.base.assumingMemoryBound(to: UInt64.self)
        #expect(
          block.bytes >= bytes && stride(from: 0, to: bytes / 8, by: 509).allSatisfy { words[$0] == 0 },
          "round \(round)")
        for other in held {
          let apart = block.base + block.bytes <= other.block.base || other.block.base + other.block.bytes <= block.base
          #expect(apart, "round \(round)")
        }
        words.update(repeating: .max, count: bytes / 8)
        held.append((block, (bytes + Self.page - 1) / Self.page * Self.page))
        most = max(most, held.reduce(0) { $0 + $1.bytes })
      } else {
        pool.give(back: held.remove(at: Int.random(in: held.indices, using: &random)).block)
      }
      #expect(2 * pool.mapped <= 5 * most, "round \(round)")
    }
    for (block, _) in held { pool.give(back: block) }
    pool.trim()
    #expect(pool.mapped == 0)
  }

  @Test("many tasks at once do not meet")
  func tasks() async {
    let isWhole = await withTaskGroup(of: Bool.self) { group in
      for task in 0..<8 {
        group.addTask {
          var random = SplitMix64(seed: UInt64(task))
          for _ in 0..<50 {
            let count = Int.random(in: 300_000..<900_000, using: &random)
            let block = ScratchPool.shared.take(4 * count)
            let values = block.base.assumingMemoryBound(to: Float.self)
            guard values[0] == 0, values[count - 1] == 0 else { return false }
            values.update(repeating: Float(task + 1), count: count)
            await Task.yield()
            guard stride(from: 0, to: count, by: 509).allSatisfy({ values[$0] == Float(task + 1) }) else {
              return false
            }
            ScratchPool.shared.give(back: block)
          }
          return true
        }
      }
      return await group.allSatisfy { $0 }
    }
    #expect(isWhole)
  }
}
