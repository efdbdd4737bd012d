import Attribution
import Testing

@Suite("Score targets")
struct ScoreTargetTests {
  static let texts = [
    "0:3", "head:0", "1:2-9", "profile:sum", "0:0-1000:profile", "0:1 - 0:2", "a:sum - b:sum", "\"x:y\":4",
    "\"log-odds\":0-3", "weighted", "weighted-mean", "probability", "logit", "0:0-4:profile - 1:0",
  ]

  @Test("prints what it reads", arguments: texts)
  func roundTrip(_ text: String) throws {
    #expect(try ScoreTarget(parsing: text).description == text)
  }

  @Test("a quoted name may hold what separates; quotes of either kind")
  func quotes() throws {
    #expect(try ScoreTarget(parsing: "'a - b':1") == .entry(.name("a - b"), 1))
    #expect(try ScoreTarget(parsing: "\"a'b\":1") == .entry(.name("a'b"), 1))
    #expect(try ScoreTarget(parsing: " 0:1 -  0:2 ") == .difference(.entry(.number(0), 1), .entry(.number(0), 2)))
  }

  static let broken = [
    "", "0", "0:", ":1", "0:x", "0:5-5", "0:5-2", "0:1:profile", "0:1-3:shape", "0:1-3:profile:x", "log-odds:1",
    "\"open:1", "\"a\"1", "0:1 - 0:2 - 0:3", "weighted - logit", "0:-1", "0:1--2", "max", "0: 1",
  ]

  @Test("refuses what it cannot read, and says how to write it", arguments: broken)
  func refuses(_ text: String) {
    do {
      _ = try ScoreTarget(parsing: text)
      Issue.record("'\(text)' was read")
    } catch {
      #expect("\(error)".contains("OUT:IDX"))
    }
  }

  static let outputs = [
    OutputDescription(name: "profile", dims: [2, 5]), OutputDescription(name: "7", dims: [1]),
  ]

  @Test("finds outputs by number, then by name; refuses what is not there")
  func resolves() throws {
    #expect(try ScoreTarget(parsing: "profile:9").resolved(among: Self.outputs).outputs == [0])
    #expect(try ScoreTarget(parsing: "7:0").resolved(among: Self.outputs).outputs == [1])
    #expect(try ScoreTarget(parsing: "0:sum - 1:0").resolved(among: Self.outputs).outputs == [0, 1])
    for text in ["0:10", "0:3-11", "2:0", "count:0"] {
      #expect {
        try ScoreTarget(parsing: text).resolved(among: Self.outputs)
      } throws: {
        "\($0)".contains("the model has 0:0 to 0:9 (profile, shape [2, 5]), 1:0")
      }
    }
    #expect(throws: AttributionError.self) { try ScoreTarget(parsing: "weighted").resolved(among: Self.outputs) }
  }

  @Test("without a target: every entry of a small single output, else the choices")
  func defaults() throws {
    let small = try ScoreTarget.defaults(among: [OutputDescription(name: "y", dims: [4, 4])])
    #expect(small.count == 16 && small[15] == .entry(.number(0), 15))
    #expect(throws: AttributionError.self) {
      try ScoreTarget.defaults(among: [OutputDescription(name: "y", dims: [17])])
    }
    #expect(throws: AttributionError.self) { try ScoreTarget.defaults(among: Self.outputs) }
  }
}
