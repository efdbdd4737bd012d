internal import Engine
internal import Genomics

/// A difference session with its sequence: substitutions of base codes in, changes of outputs out. Owned by one task.
final class Propagator {
  let length: Int
  private var session: DifferenceSession
  private var reference: ArraySlice<UInt8> = []
  private let sharing: WindowSharing?

  /// - Parameters:
  ///   - editWidth: neighbouring bases that an edit may change.
  ///   - trunk: what the references of neighbouring windows share, if anything.
  init(_ network: Network, length: Int, editWidth: Int = 1, trunk: SharedTrunk? = nil) throws {
    self.length = length
    sharing = trunk.map { WindowSharing($0, length: length) }
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

  /// Windows that are best handed over at once.
  var windowsAtOnce: Int { sharing?.windowsAtOnce ?? WindowSharing.usualGroup }

  /// Runs the reference pass on the first of some windows, of which the others may be next.
  func setReference(_ windows: ArraySlice<WindowTask>) {
    let codes = windows.first!.codes
    guard let sharing, case .shared(let offsets) = sharing.place(windows, atMost: 1) else { return setReference(codes) }
    reference = codes
    session.setReference(sharing: sharing.stretch, at: offsets[0])
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
