import Foundation
import Testing

@testable import ONNXImport

@Suite("docs/models.md")
struct DocumentationTests {
  @Test("the table of operators is that of the import rules")
  func operators() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/models.md")
    let section = try #require(
      String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n## ").first { $0.hasPrefix("Operators\n") })
    var listed: [String: Set<String>] = [:]
    for line in section.split(separator: "\n") where line.hasPrefix("| ") && line.contains("`") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let family = cells[0].replacing(", constants only", with: "")
      for match in cells[1].matches(of: /`(\w+)`/) { listed[family, default: []].insert(String(match.1)) }
    }
    let rules = Dictionary(uniqueKeysWithValues: ImportRules.families.map { ($0.name, Set($0.rules.keys)) })
    #expect(listed == rules)
  }
}
