internal import Engine
internal import Genomics

/// A difference session with its sequence: substitutions of base codes in, changes of outputs out. Owned by one task.
final class Propagator {
  let length: Int
  private var session: DifferenceSession
  private var reference: ArraySlice<UInt8> = []

  /// - Parameter editWidth: neighbouring bases that an edit may change.
  init(_ network: Network, length: Int, editWidth: Int = 1) throws {
    self.length = length
    session = DifferenceSession(try network.differenceProgram(length: length, editWidth: editWidth))
  }

  /// Runs the reference pass. Missing bases at the end are zero columns.
  func setReference(_ codes: ArraySlice<UInt8>) {
    precondition(codes.count <= length, "\(codes.count) bases for a length of \(length)")
    reference = codes
    session.setReference { input in
      for (column, code) in codes.enumerated() where code < 4 { input[column * 4 + Int(code)] = 1 }
    }
  }

  /// Entries of one output at the reference, from sums accumulated in float64.
  func output(_ index: Int) -> [Float] { session.withReferenceOutput(index) { Array($0) } }

  /// Hands over what each substitution changes, in order.
  func propagate(_ edits: [Edit], _ body: (_ edit: Int, _ changes: OutputChanges) -> Void) {
    let inputs = edits.map { edit in
      var change = SIMD4<Float>.zero
      let old = reference[reference.startIndex + edit.column]
      if old < 4 { change[Int(old)] -= 1 }
      change[Int(edit.base)] += 1
      return InputEdit(position: edit.column, change: change)
    }
    session.propagate(inputs, body)
  }

  /// The same for edits of the input's columns.
  func propagate(_ edits: [InputEdit], _ body: (_ edit: Int, _ changes: OutputChanges) -> Void) {
    session.propagate(edits, body)
  }
}
