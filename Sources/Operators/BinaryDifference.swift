internal import Glibc
internal import Kernels
internal import NetworkGraph
internal import Tensors

/// Sums add differences; products expand to `da * b + a * db + da * db`; a quotient `q` changes by `(da - q * db) / (b + db)`.
extension CompiledBinary: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    inputs.indices.allSatisfy { operand in
      // A sum does not read what does not change.
      inputs[operand] == nil && (function == .add || function == .subtract)
        || operands.fits(operand, inputs[operand], output)
    }
  }

  var timePerDifferenceOperation: Int {
    switch function {
    case .add, .subtract: 16
    case .multiply, .divide: 40
    case .maximum, .minimum: 80
    case .power: 2 * timePerOperation
    }
  }

  var mayDoubt: Bool { function == .divide || function == .power }

  func difference(_ call: DifferenceCall) {
    switch function {
    case .add, .subtract, .multiply, .divide: break
    case .maximum: return extreme(call, sign: 1)
    case .minimum: return extreme(call, sign: -1)
    case .power: return power(call)
    }
    operands.eachRow(call) { y, edit, row in
      let a = operands.change(call, operand: 0, edit, row: row)
      let b = operands.change(call, operand: 1, edit, row: row)
      switch function {
      case .add, .subtract:
        sum(a, b, into: y)
        if masks { absorb(y, at: call.outputReference.base + row * y.count) }
      default: product(a, b, call, edit, row, into: y)
      }
    }
  }

  @inline(__always)
  private func sum(
    _ a: StridedEntries?, _ b: StridedEntries?, into y: UnsafeMutableBufferPointer<Float>
  ) {
    switch (a, b, function) {
    case (let a?, let b?, .add) where a.step == 1 && b.step == 1:
      KernelSet.best.add(a.base, b.base, into: y.baseAddress!, count: y.count)
    case (let a?, let b?, .add): for c in 0..<y.count { y[c] = a[c] + b[c] }
    case (let a?, let b?, _): for c in 0..<y.count { y[c] = a[c] - b[c] }
    case (let only?, nil, _), (nil, let only?, .add):
      if only.step == 1 {
        y.baseAddress!.update(from: only.base, count: y.count)
      } else {
        y.update(repeating: only[0])
      }
    case (nil, let b?, _): for c in 0..<y.count { y[c] = -b[c] }
    case (nil, nil, _): y.update(repeating: 0)
    }
  }

  /// Beside a mask a sum in float32 does not see small changes, and neither may the difference of two sums.
  private func absorb(_ y: UnsafeMutableBufferPointer<Float>, at reference: UnsafePointer<Float>) {
    for c in 0..<y.count where abs(reference[c]) >= Float(Self.mask) { y[c] = (reference[c] + y[c]) - reference[c] }
  }

  @inline(__always)
  private func product(
    _ a: StridedEntries?, _ b: StridedEntries?, _ call: DifferenceCall, _ edit: Int, _ position: Int,
    into y: UnsafeMutableBufferPointer<Float>
  ) {
    guard let first = a ?? b else {
      y.update(repeating: 0)
      return
    }
    if function == .divide, let b {
      let divisor = operands.reference(call, operand: 1, row: position)
      let quotient = call.outputReference.base + position * y.count
      var leavesLittle = false
      StridedEntries.each(divisor, b, count: y.count) {
        y[$0] = (-quotient[$0] * $2) / ($1 + $2)
        leavesLittle = DifferenceCall.leavesLittle($1, $2) || leavesLittle
      }
      if leavesLittle { call.doubt(edit) }
      if let a { StridedEntries.each(divisor, b, a, count: y.count) { y[$0] += $3 / ($1 + $2) } }
      return
    }
    let other = operands.reference(call, operand: a == nil ? 0 : 1, row: position)
    if function == .divide {
      StridedEntries.each(first, other, count: y.count) { y[$0] = $1 / $2 }
    } else {
      StridedEntries.each(first, other, count: y.count) { y[$0] = $1 * $2 }
    }
    guard let a, let b else { return }
    let own = operands.reference(call, operand: 0, row: position)
    StridedEntries.each(a, own, b, count: y.count) { y[$0] += $3 * ($2 + $1) }
  }

  /// The change of the one that wins before and after; across, the new winner less the old one.
  @inline(__always)
  private func extreme(_ call: DifferenceCall, sign: Float) {
    operands.eachSideBySide(call) { y, _, references, changes in
      let (a, b, da, db) = (references[0], references[1], changes[0], changes[1])
      for c in 0..<y.count {
        let gap = Double(a[c]) - Double(b[c])
        let (was, moved) = (sign * a[c] > sign * b[c], gap + (Double(da[c]) - Double(db[c])))
        let (first, second) = (da[c], db[c])
        let isFirst = Double(sign) * moved > 0
        let across = Float(isFirst ? gap + Double(first) : Double(second) - gap)
        y[c] = was == isFirst ? (isFirst ? first : second) : across
      }
    }
  }

  /// Two values in float64, where the references of float32 leave room to subtract.
  private func power(_ call: DifferenceCall) {
    operands.eachSideBySide(call) { y, edit, references, changes in
      let (a, b, da, db) = (references[0], references[1], changes[0], changes[1])
      for c in 0..<y.count {
        // Powers from one on are flat at zero.
        if b[c] + db[c] < 1, DifferenceCall.leavesLittle(a[c], da[c]) { call.doubt(edit) }
        let before = pow(Double(a[c]), Double(b[c]))
        let after = pow(Double(a[c]) + Double(da[c]), Double(b[c]) + Double(db[c]))
        // Infinities that stay do not change.
        y[c] = before == after ? 0 : Float(after - before)
      }
    }
  }
}
