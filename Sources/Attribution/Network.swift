public import Engine
public import NetworkGraph
public import ONNXImport
internal import Synchronization
internal import Tensors

/// A model that can be compiled for any batch and length it supports, with its outputs described once.
public struct Network: Sendable {
  /// Outputs in the order of the file, without the batch axis, at ``describedLength``.
  public let outputs: [OutputDescription]
  /// The graph the descriptions were read from, batch 1.
  public let graph: Graph
  /// Length of ``graph``: the fixed length of the model, or a probe length.
  public var describedLength: Int { graph.length }
  /// Bases a sequence must have, or `nil` when any length does.
  public let fixedLength: Int?
  /// Sequences a run when the export fixed that number.
  public let fixedBatch: Int?
  /// Settings that the model file carries, such as `tismscan.output.kind`.
  public let metadata: [String: String]
  /// Final activation of each output as the file has it, whatever `preActivation` was.
  public let finalActivations: [FinalActivation?]
  /// True when outputs are taken before their final activation.
  public let isPreActivation: Bool

  private let programs: ProgramCache<Program>
  private let differencePrograms: ProgramCache<DifferenceProgram>
  private let plainPrograms: ProgramCache<Program>

  /// Lengths at which a model of any length is tried, until one fits its kernels.
  private static let probeLengths = [4_096, 65_536, 524_288]

  /// - Parameters:
  ///   - fixedLength: bases a sequence must have, or `nil` when any length does.
  ///   - fixedBatch: sequences a run when the export fixed that number.
  ///   - preActivation: take every output before its final sigmoid or softmax.
  ///   - build: makes the graph for a batch size and a length.
  public init(
    fixedLength: Int?, fixedBatch: Int? = nil, metadata: [String: String] = [:], preActivation: Bool = false,
    build: @escaping @Sendable (_ batch: Int, _ length: Int) throws -> Graph
  ) throws {
    var original: Graph?
    for length in fixedLength.map({ [$0] }) ?? Self.probeLengths where original == nil {
      do {
        original = try build(fixedBatch ?? 1, length)
      } catch  where fixedLength == nil && length != Self.probeLengths.last { continue }
    }
    guard let original else { throw AttributionError.unsupportedLength(reason: "the model takes no sequence") }
    let make: @Sendable (Int, Int) throws -> Graph = { batch, length in
      let graph = try build(batch, length)
      return preActivation ? try graph.preActivation() : graph
    }
    let graph = preActivation ? try original.preActivation() : original
    self.graph = graph
    // Names are those of the file, also where the graph ends earlier.
    outputs = zip(original.outputs, graph.outputs).map { named, shaped in
      OutputDescription(name: original.values[named].name, dims: Array(graph.values[shaped].shape.dims.dropFirst()))
    }
    finalActivations = original.finalActivations
    isPreActivation = preActivation
    self.fixedLength = fixedLength
    self.fixedBatch = fixedBatch
    self.metadata = metadata
    programs = ProgramCache { try Program(make($0, $1)) }
    differencePrograms = ProgramCache { try DifferenceProgram(make(1, $1), editWidth: $0) }
    plainPrograms = ProgramCache { try Program(asIs: make($0, $1)) }
  }

  /// The network of an ONNX file.
  /// - Parameter inputs: what the inputs besides the sequence are bound to, by name.
  public init(_ file: ModelFile, inputs: [String: InputBinding] = [:], preActivation: Bool = false) throws {
    for name in inputs.keys.sorted() where !file.otherInputs.contains(where: { $0.name == name }) {
      let known = file.otherInputs.map(\.name)
      throw AttributionError.contradiction(
        reason: "--input \(name): the model has no such input besides the sequence"
          + (known.isEmpty ? "" : "; it has \(known.joined(separator: ", "))"))
    }
    try self.init(
      fixedLength: file.fixedLength, fixedBatch: file.fixedBatch, metadata: file.metadata, preActivation: preActivation
    ) { batch, length in
      var tensors: [String: ConstantTensor] = [:]
      for port in file.otherInputs {
        tensors[port.name] = try inputs[port.name]?.tensor(for: port, batch: batch, length: length)
      }
      return try file.graph(batch: batch, length: length, inputs: tensors)
    }
  }

  /// The outputs for sequences of `length` bases, which decides how many entries an output along the sequence has.
  public func outputs(atLength length: Int) throws -> [OutputDescription] {
    guard length != describedLength else { return outputs }
    let program = try program(batch: fixedBatch ?? 1, length: length)
    return zip(outputs, program.outputShapes).map {
      OutputDescription(name: $0.name, dims: Array($1.dims.dropFirst()))
    }
  }

  /// The compiled network; recent sizes are kept and shared by all tasks.
  public func program(batch: Int, length: Int) throws -> Program {
    try programs.program(batch, length: length)
  }

  /// Multiply-adds of one sequence in a prediction of `length` bases.
  public func multiplyAdds(length: Int) throws -> Int {
    let batch = fixedBatch ?? 1
    return try program(batch: batch, length: length).multiplyAdds / batch
  }

  /// Time of the same in multiply-adds of the linear kernels (``Program/kernelTime``).
  public func kernelTime(length: Int) throws -> Int {
    let batch = fixedBatch ?? 1
    return try program(batch: batch, length: length).kernelTime / batch
  }

  /// The network with every value kept as it is, pre-activations included: what checks run. Shares the weights of
  /// difference propagation where there is one.
  func plainProgram(length: Int) throws -> Program {
    guard let batch = fixedBatch, batch != 1 else { return try differenceProgram(length: length).program }
    return try plainPrograms.program(batch, length: length)
  }

  /// Whether difference propagation is the cheaper exact way, against one forward pass over `naiveLength` bases an edit.
  ///
  /// Decided from operation counts alone: the same on every machine.
  /// - Parameter editWidth: neighbouring bases that an edit changes.
  public func prefersDifferences(length: Int, naiveLength: Int, editWidth: Int = 1) throws -> Bool {
    guard fixedBatch == nil || fixedBatch == 1 else { return false }
    let naive = try kernelTime(length: naiveLength)
    let edit = try differenceProgram(length: length, editWidth: editWidth).kernelTimePerEdit
    // Differences are 10 to 1,000 times as accurate, and networks of norms and gates were measured as fast by them as by passes
    // where the prediction was 1.6 times the time.
    return edit <= 2 * naive
  }

  /// What windows `step` bases apart share in forward passes, `nil` where that does not save operations.
  ///
  /// Decided from operation counts alone: the same on every machine.
  /// - Parameters:
  ///   - batch: windows a run.
  ///   - purpose: of the session; `reference` stands for exact ISM by differences.
  public func sharedTrunk(batch: Int, length: Int, step: Int, for purpose: SessionPurpose) throws -> SharedTrunk? {
    let program =
      try purpose == .reference ? differenceProgram(length: length).program : program(batch: batch, length: length)
    guard let trunk = SharedTrunk(program, step: step, for: purpose),
      trunk.multiplyAddsShared < trunk.multiplyAddsAlone
    else { return nil }
    return trunk
  }

  /// The network compiled for difference propagation over one sequence; recent lengths are kept and shared.
  public func differenceProgram(length: Int, editWidth: Int = 1) throws -> DifferenceProgram {
    try differencePrograms.program(editWidth, length: length)
  }
}

/// Compiled programs by size, the least recently used given up first.
private final class ProgramCache<Compiled: Sendable>: Sendable {
  private struct Size: Hashable { let variant, length: Int }
  private struct State {
    var programs: [Size: Compiled] = [:]
    var recent: [Size] = []
  }

  /// Sizes kept: a genome scan uses a handful, a scan of many short contigs one size a contig.
  private let capacity = 8
  private let compile: @Sendable (_ variant: Int, _ length: Int) throws -> Compiled
  private let state = Mutex(State())

  init(_ compile: @escaping @Sendable (_ variant: Int, _ length: Int) throws -> Compiled) { self.compile = compile }

  /// Compiling under the lock keeps two tasks from doing the same work twice.
  /// - Parameter variant: the batch of a program, the edit width of one for differences.
  func program(_ variant: Int, length: Int) throws -> Compiled {
    let size = Size(variant: variant, length: length)
    return try state.withLock { state in
      state.recent.removeAll { $0 == size }
      state.recent.append(size)
      if let known = state.programs[size] { return known }
      let program = try compile(variant, length)
      if state.recent.count > capacity { state.programs[state.recent.removeFirst()] = nil }
      state.programs[size] = program
      return program
    }
  }
}
