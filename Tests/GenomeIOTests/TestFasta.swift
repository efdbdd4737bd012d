import Genomics
import TestSupport

/// A small FASTA with everything awkward in it, indexed by samtools in every form that a reader may meet.
struct TestFasta {
  /// The forms in which one FASTA can lie on the disk.
  enum Form: String, CaseIterable, Sendable { case plain, windowsLineEnds, bgzip }

  let folder = TemporaryFolder()
  let path: String
  /// Sequences by name, as stored. The file also holds one without any base, which samtools leaves out of its index.
  let sequences: [(name: String, letters: String)]

  init(_ form: Form, seed: UInt64 = 1) throws {
    var random = SplitMix64(seed: seed)
    func letters(_ count: Int, _ alphabet: String) -> String {
      let alphabet = Array(alphabet)
      return String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
    }
    let written = [
      ("chr1", letters(1003, "ACGTacgtN")), ("chr2:1-5", letters(60, "ACGT")), ("one", "A"), ("empty", ""),
      ("iupac", "AGCTYRWSKMDVHBXNACGTagctyrwskmdvhbxnacgtUu-*"), ("long", letters(200_000, "ACGT")),
      ("chrM", letters(61, "acgu")),
    ]
    sequences = written.filter { !$0.1.isEmpty }
    let end = form == .windowsLineEnds ? "\r\n" : "\n"
    var text = ""
    for (name, letters) in written {
      text += ">\(name) description of \(name) >with a bracket" + end
      var rest = letters[...]
      // "long" lies on one line.
      let width = name == "long" ? letters.count : 60
      while !rest.isEmpty {
        text += rest.prefix(width) + end
        rest = rest.dropFirst(width)
      }
    }
    var path = folder.write("genome.fa", text)
    if form == .bgzip {
      _ = try Shell.output("bgzip \(path)")
      path += ".gz"
    }
    _ = try Shell.output("samtools faidx \(path)")
    self.path = path
  }
}
