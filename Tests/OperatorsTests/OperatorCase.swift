import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

/// An operator with operands of settled shapes, some of them constant: what the laws are checked on.
struct OperatorCase: CustomTestStringConvertible, Sendable {
  let name: String
  let op: any NetworkOperator
  /// Values of every operand; those of data operands are one point of their domain.
  let operands: [ConstantTensor]
  /// Which operands the compiler knows.
  let known: [Bool]

  var testDescription: String { "\(name) \(operands.map(\.shape.description).joined(separator: " "))" }

  /// Numbers of the operands that depend on the sequence.
  var data: [Int] { known.indices.filter { !known[$0] } }

  /// - Parameters:
  ///   - shapes: one an operand.
  ///   - known: numbers of the constant operands.
  ///   - range: domain of the data, away from poles.
  init(
    _ name: String, _ op: any NetworkOperator, _ shapes: [Shape], known: Set<Int> = [],
    in range: ClosedRange<Double> = -2...2, seed: UInt64 = 1
  ) {
    var random = SplitMix64(seed: seed)
    self.name = name
    self.op = op
    operands = shapes.map { shape in
      ConstantTensor(
        shape: shape, floats: (0..<shape.count).map { _ in Float(Double.random(in: range, using: &random)) })
    }
    self.known = shapes.indices.map { known.contains($0) }
  }

  /// The plain float64 results with one operand replaced.
  func evaluate(_ operand: Int, _ value: ConstantTensor) throws -> [ConstantTensor] {
    var all = operands
    all[operand] = value
    return try op.evaluate(all)
  }

  func compiled() throws -> any CompiledOperator {
    try op.compile(
      operands.indices.map { Operand(shape: operands[$0].shape, constant: known[$0] ? operands[$0] : nil) })
  }
}

/// Memory of one operator's calls; everything that a call must write starts as NaN.
struct OperatorRun {
  let compiled: any CompiledOperator
  let inputs: [[Float]]
  let outputShapes: [Shape]
  let inputShapes: [Shape]

  init(_ c: OperatorCase) throws {
    compiled = try c.compiled()
    inputs = c.operands.map(\.floats)
    inputShapes = c.operands.map(\.shape)
    outputShapes = try c.op.outputShapes(for: inputShapes)
  }

  func forward(precisely: Bool = false) -> [[Float]] {
    let memory = Memory(inputs + outputShapes.map { [Float](repeating: .nan, count: $0.count) })
    let scratch = Memory([[Float](repeating: .nan, count: compiled.scratchCount)])
    let call = ForwardCall(
      inputs: inputShapes.indices.map { TensorView(shape: inputShapes[$0], base: UnsafePointer(memory[$0])) },
      outputs: outputShapes.indices.map {
        MutableTensorView(shape: outputShapes[$0], base: memory[inputs.count + $0])
      }, scratch: scratch[0])
    if precisely { compiled.forwardPrecisely(call) } else { compiled.forward(call) }
    return outputShapes.indices.map { memory.floats(inputs.count + $0) }
  }

  /// Gradients of the operands that want one; `start` is what earlier readers left (`nil` for none: NaN is there).
  func backward(_ gradients: [[Float]], wanted: [Int], start: Float? = nil) -> [Int: [Float]] {
    let outputs = forward()
    let memory = Memory(inputs + outputs + gradients)
    let targets = Memory(inputs.map { [Float](repeating: start ?? .nan, count: $0.count) })
    let scratch = Memory([[Float](repeating: .nan, count: compiled.scratchCount)])
    let (firstOutput, firstGradient) = (inputs.count, inputs.count + outputs.count)
    compiled.backward(
      BackwardCall(
        inputs: inputShapes.indices.map { TensorView(shape: inputShapes[$0], base: UnsafePointer(memory[$0])) },
        outputs: outputShapes.indices.map {
          TensorView(shape: outputShapes[$0], base: UnsafePointer(memory[firstOutput + $0]))
        },
        outputGradients: outputShapes.indices.map {
          MutableTensorView(shape: outputShapes[$0], base: memory[firstGradient + $0])
        },
        inputGradients: inputShapes.indices.map { index in
          guard wanted.contains(index) else { return nil }
          return GradientTarget(
            view: MutableTensorView(shape: inputShapes[index], base: targets[index]), adds: start != nil)
        }, scratch: scratch[0]))
    return Dictionary(uniqueKeysWithValues: wanted.map { ($0, targets.floats($0)) })
  }

  /// The change of the only output, of two edits alike; the reference is the precise forward pass.
  func difference(
    _ changes: [[Float]], known: [Bool], layout: (Shape) -> DifferenceLayout
  ) -> [Float] {
    guard let rule = compiled as? any DifferenceOperator else { return [] }
    let output = outputShapes[0]
    let blocks = Memory(changes.map { $0 + $0 } + [[Float](repeating: .nan, count: 2 * output.count)])
    let references = Memory(inputs + forward(precisely: true))
    let scratch = Memory([[Float](repeating: .nan, count: rule.differenceScratchCount)])
    let state = Memory([[Float](repeating: .nan, count: rule.differenceStateCount)])
    rule.prepareDifferences(
      inputs: inputShapes.indices.map { TensorView(shape: inputShapes[$0], base: UnsafePointer(references[$0])) },
      output: TensorView(shape: output, base: UnsafePointer(references[inputs.count])), state: state[0],
      scratch: scratch[0])
    let starts = [0, 0]
    return starts.withUnsafeBufferPointer { starts in
      func block(_ index: Int, _ shape: Shape) -> DifferenceBlock {
        DifferenceBlock(layout: layout(shape), edits: 2, starts: starts.baseAddress!, base: blocks[index])
      }
      rule.difference(
        DifferenceCall(
          inputs: changes.indices.map { known[$0] ? nil : block($0, inputShapes[$0]) },
          output: block(changes.count, output),
          inputReferences: inputShapes.indices.map {
            TensorView(shape: inputShapes[$0], base: UnsafePointer(references[$0]))
          }, outputReference: TensorView(shape: output, base: UnsafePointer(references[inputs.count])),
          state: UnsafePointer(state[0]), scratch: scratch[0]))
      let both = blocks.floats(changes.count)
      let first = Array(both[..<output.count])
      #expect(first.map(\.bitPattern) == both[output.count...].map(\.bitPattern))
      return first
    }
  }

  /// Aligned float memory of several tensors.
  final class Memory {
    private let blocks: [AlignedBlock]

    init(_ contents: [[Float]]) { blocks = contents.map(AlignedBlock.init) }

    subscript(index: Int) -> UnsafeMutablePointer<Float> { blocks[index].base }
    func floats(_ index: Int) -> [Float] {
      Array(UnsafeBufferPointer(start: blocks[index].base, count: blocks[index].count))
    }
  }

  private final class AlignedBlock {
    let base: UnsafeMutablePointer<Float>
    let count: Int
    private let raw: UnsafeMutableRawPointer

    init(_ values: [Float]) {
      count = values.count
      raw = .allocate(byteCount: (count + 16) * 4, alignment: 64)
      base = raw.bindMemory(to: Float.self, capacity: count + 16)
      base.initialize(repeating: .nan, count: count + 16)
      base.update(from: values, count: count)
    }

    deinit { raw.deallocate() }
  }
}
