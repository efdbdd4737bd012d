import Genomics
import TestSupport
import Testing

@Suite("Bases")
struct BaseTests {
  @Test("lower case, upper case and RNA read alike; every other byte is unknown")
  func codes() {
    #expect(Base.encode(Array("ACGTUacgtu".utf8)) == [0, 1, 2, 3, 3, 0, 1, 2, 3, 3])
    let known = Set("ACGTUacgtu".utf8)
    for letter in UInt8.min...UInt8.max where !known.contains(letter) {
      #expect(Base.encode([letter]) == [Base.unknown])
    }
  }

  @Test("the reverse complement is its own inverse")
  func reverseComplement() {
    var random = SplitMix64(seed: 1)
    let codes = (0..<100).map { _ in UInt8.random(in: 0...4, using: &random) }
    #expect(Base.reverseComplement(Base.reverseComplement(codes)) == codes)
    #expect(Base.reverseComplement([0, 1, 2, 3, 4] as [UInt8]) == [4, 0, 1, 2, 3])
  }
}
