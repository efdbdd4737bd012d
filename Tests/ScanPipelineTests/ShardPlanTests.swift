import Genomics
import Testing

@testable import ScanPipeline

@Suite("How the work is cut")
struct ShardPlanTests {
  static func plan(_ total: Int, keepsBlocks: Bool, step: Int? = nil, cost: Double = 1e6) -> ShardPlan {
    let stretches = [(0, 0, total), (1, 5, 6), (1, 9, 2_900), (2, 0, 9), (2, 65_530, 65_540)].map {
      Manifest.Stretch(contig: $0.0, start: $0.1, end: $0.2)
    }
    return ShardPlan(
      stretches: stretches, strands: 2, keepsBlocks: keepsBlocks, costOfBase: cost, bytesOfBase: 13, step: step)
  }

  /// Touching stretches as one.
  static func joined(_ stretches: [Manifest.Stretch]) -> [Manifest.Stretch] {
    stretches.reduce(into: []) { joined, next in
      if let last = joined.last, last.contig == next.contig, last.end == next.start {
        joined[joined.count - 1] = Manifest.Stretch(contig: last.contig, start: last.start, end: next.end)
      } else {
        joined.append(next)
      }
    }
  }

  @Test(
    "shards cut the scored bases without gap or overlap, into as many as asked for",
    arguments: [1, 513, 200_000], [1, 2, 7, 500])
  func anywhere(total: Int, count: Int) {
    let plan = Self.plan(total, keepsBlocks: false)
    let shards = plan.shards(count)
    #expect(shards.map(\.number) == Array(1...count))
    #expect(Self.joined(shards.flatMap(\.stretches)) == plan.stretches)
    let sizes = shards.map(\.baseCount)
    #expect(sizes.max()! - sizes.min()! <= 1)
    #expect(shards.allSatisfy { $0.multiplyAdds == 2_000_000 * $0.baseCount })
  }

  @Test("blocks of the grid stay whole", arguments: [1, 70_000, 300_000], [1, 2, 7, 500])
  func blocks(total: Int, count: Int) {
    let plan = Self.plan(total, keepsBlocks: true)
    let shards = plan.shards(count)
    #expect(Self.joined(shards.flatMap(\.stretches)) == plan.stretches)
    let blocks = shards.flatMap { GridBlock.blocks(of: $0.stretches) }
    #expect(Set(blocks.map { [$0.contig, $0.number] }).count == blocks.count)
    #expect(shards.count == min(count, blocks.count) && shards.allSatisfy { $0.baseCount > 0 })
  }

  @Test("defaults keep shards worth a start and their operations within minutes")
  func defaults() {
    #expect(Self.plan(1, keepsBlocks: false).defaultCount == 6)
    let small = Self.plan(1_000_000, keepsBlocks: false)
    #expect(small.defaultCount == 65)
    let large = Self.plan(900_000_000, keepsBlocks: false)
    #expect(large.shards(large.defaultCount).allSatisfy { $0.baseCount <= 1_048_576 })
    let costly = Self.plan(10_000_000, keepsBlocks: false, cost: 1e9)
    #expect(costly.shards(costly.defaultCount).allSatisfy { $0.multiplyAdds <= Int(ShardPlan.multiplyAdds) })
    #expect(small.unit == 15_670 && Self.plan(1_000_000, keepsBlocks: true).unit == GridBlock.length)
    #expect(Self.plan(10_000, keepsBlocks: false, step: 500).unit == 2_000)
  }
}
