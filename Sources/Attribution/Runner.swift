internal import Engine
internal import Genomics
internal import Tensors

/// A session with its sequences: writes base codes as one-hot input and copies outputs out. Owned by one task.
final class Runner {
  /// Sequences a run.
  let batch: Int
  /// Bases a sequence.
  let length: Int
  /// Entries of each output without the batch axis.
  let counts: [Int]
  private var session: Session
  private let sharing: WindowSharing?

  /// - Parameter trunk: what neighbouring windows share, if anything; of the network's program for this batch and length.
  init(
    _ network: Network, batch: Int, length: Int, for purpose: SessionPurpose, trunk: SharedTrunk? = nil
  ) throws {
    let program = try network.program(batch: batch, length: length)
    self.batch = batch
    self.length = length
    counts = program.outputShapes.map { $0.count / batch }
    session = Session(program, for: purpose)
    sharing = trunk.map { WindowSharing($0, length: length) }
  }

  /// Windows that are best handed over at once.
  var windowsAtOnce: Int { sharing?.windowsAtOnce ?? WindowSharing.usualGroup }

  /// Runs the network on the leading windows, on as many as fit a run.
  /// - Returns: how many they were; each has its row of the outputs.
  func forward(_ windows: ArraySlice<WindowTask>) -> Int {
    var count = batch
    if let sharing {
      switch sharing.place(windows, atMost: batch) {
      case .shared(let offsets):
        session.forward(sharing: sharing.stretch, at: offsets)
        return offsets.count
      case .alone(let number): count = number
      }
    }
    let group = windows.prefix(count)
    forward(group.map(\.codes))
    return group.count
  }

  /// Runs the network. Rows of the batch beyond `sequences` stay zero and are not to be read.
  /// - Parameter sequences: at most `batch` rows of at most `length` base codes; what is missing is a zero column.
  func forward(_ sequences: [ArraySlice<UInt8>]) {
    precondition(sequences.count <= batch, "\(sequences.count) sequences for a batch of \(batch)")
    let length = length
    session.forward { input in
      for (row, sequence) in sequences.enumerated() {
        precondition(sequence.count <= length, "\(sequence.count) bases for a length of \(length)")
        let base = row * length * 4
        for (column, code) in sequence.enumerated() where code < 4 { input[base + column * 4 + Int(code)] = 1 }
      }
    }
  }

  /// Entries of the wanted outputs, whole batch; empty arrays for the others.
  func outputs(_ wanted: Set<Int>) -> OutputBatch {
    OutputBatch(
      values: counts.indices.map { wanted.contains($0) ? session.withOutput($0) { Array($0) } : [] }, counts: counts)
  }

  /// Reads one output of the whole batch in place.
  func withOutput<R>(_ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try session.withOutput(index, body)
  }

  /// The gradient with respect to some columns of the one-hot input, `[batch, length, 4]`; see `Session.gradient`.
  func gradient<R>(
    seeds: [(output: Int, weights: [Float])], of columns: Range<Int>,
    _ body: (UnsafeBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    try session.gradient(seeds: seeds, of: columns, body)
  }
}

/// Copies of outputs of a batch.
struct OutputBatch {
  /// One array an output, row-major `[batch, entries]`.
  let values: [[Float]]
  let counts: [Int]

  /// Entries of every output of one sequence; empty where the output was not wanted.
  func sequence(_ row: Int) -> [ArraySlice<Float>] {
    zip(values, counts).map { $0.isEmpty ? [] : $0[row * $1..<(row + 1) * $1] }
  }
}
