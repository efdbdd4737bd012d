internal import NetworkGraph
internal import Tensors

/// A box of elements that one output takes over from one input.
struct StridedCopy: Sendable {
  let input: Int
  let output: Int
  /// Offsets in the input and in the output.
  let walk: StridedWalk

  /// - Parameters:
  ///   - dims: lengths of the box's axes.
  ///   - from: first element and strides in the input.
  ///   - to: first element and strides in the output.
  init(
    input: Int = 0, output: Int = 0, dims: [Int], from: (start: Int, strides: [Int]), to: (start: Int, strides: [Int])
  ) {
    self.input = input
    self.output = output
    walk = StridedWalk(dims: dims, starts: [from.start, to.start], strides: [from.strides, to.strides])
  }

  /// Takes the box over from the input at `x` to the output at `y`.
  func run(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let (count, step, stride) = (walk.row, walk.rowStrides[0], walk.rowStrides[1])
    walk.forEachRow { offsets in
      let (from, to) = (x + offsets[0], y + offsets[1])
      if step == 1 && stride == 1 {
        to.update(from: from, count: count)
      } else {
        for i in 0..<count { to[i * stride] = from[i * step] }
      }
    }
  }
}

/// A compiled operator that only moves elements: boxes of its outputs are boxes of its inputs, the rest is `fill`.
///
/// No output element is in two boxes; an input element may be (its gradients are added in the order of the boxes).
struct CompiledCopies: CompiledOperator {
  let copies: [StridedCopy]
  /// The value of output elements outside every box, when there are any.
  let fill: Float?

  init(_ copies: [StridedCopy], fill: Float? = nil) {
    self.copies = copies
    self.fill = fill
  }

  var multiplyAdds: Int { 0 }

  func forward(_ call: ForwardCall) {
    if let fill { for output in call.outputs { output.elements.update(repeating: fill) } }
    for copy in copies { copy.run(call.inputs[copy.input].base, call.outputs[copy.output].base) }
  }

  func backward(_ call: BackwardCall) {
    for target in call.inputGradients {
      if let target, !target.adds { target.view.elements.update(repeating: 0) }
    }
    for copy in copies {
      guard let target = call.inputGradients[copy.input] else { continue }
      let (dx, dy) = (target.view.base, call.outputGradients[copy.output].base)
      let (count, step, stride) = (copy.walk.row, copy.walk.rowStrides[0], copy.walk.rowStrides[1])
      copy.walk.forEachRow { offsets in
        let (into, from) = (dx + offsets[0], dy + offsets[1])
        if step == 1 && stride == 1 {
          let row = UnsafeMutableBufferPointer(start: into, count: count)
          for i in 0..<row.count { row[i] += from[i] }
        } else {
          for i in 0..<count { into[i * step] += from[i * stride] }
        }
      }
    }
  }
}

/// Differences of whole values move as the values do; what is filled in never changes.
extension CompiledCopies: DifferenceOperator {
  func hasDifferenceRule(inputs: [DifferenceLayout?], output: DifferenceLayout) -> Bool {
    output.isWhole && inputs.allSatisfy { $0?.isWhole != false }
  }

  func difference(_ call: DifferenceCall) {
    call.output.base.update(repeating: 0, count: call.output.edits * call.output.layout.count)
    for copy in copies {
      guard let input = call.inputs[copy.input] else { continue }
      for edit in 0..<input.edits { copy.run(input.rows(of: edit), call.output.rows(of: edit)) }
    }
  }
}
