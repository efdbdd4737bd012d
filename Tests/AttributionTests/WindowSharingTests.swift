import Attribution
import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Windows that share a trunk")
struct WindowSharingTests {
  static let length = 48

  /// Padded convolutions around a pooling, then a dense head.
  static func graph(batch: Int, length: Int) throws -> Graph {
    var random = SplitMix64(seed: 77)
    func weights(_ shape: Shape) -> ConstantTensor {
      let scale = 2 / Float(shape.dims.dropFirst().reduce(1, *)).squareRoot()
      return ConstantTensor(shape: shape, floats: random.floats(count: shape.count).map { $0 * scale })
    }
    var builder = GraphBuilder(batch: batch, length: length)
    var x = try builder.apply(
      Convolution(weight: weights([24, 4, 21]), bias: weights([24]), padding: (10, 10)), to: builder.sequence,
      name: "conv1")
    x = try builder.apply(Unary(.relu), to: x, name: "relu1")
    x = try builder.apply(Pool(kind: .max, size: 3, stride: 3), to: x, name: "pool")
    x = try builder.apply(
      Convolution(weight: weights([7, 24, 5]), bias: weights([7]), padding: (2, 2)), to: x, name: "conv2")
    x = try builder.apply(Unary(.gelu), to: x, name: "gelu")
    x = try builder.apply(Reshape(to: [batch, length / 3 * 7]), to: x, name: "flat")
    x = try builder.apply(Dense(weight: weights([length / 3 * 7, 2]), bias: weights([2])), to: x, name: "head")
    return builder.graph(outputs: [x])
  }

  static func model(step: Int?) throws -> WindowModel {
    let network = try Network(fixedLength: length) { try graph(batch: $0, length: $1) }
    let targets = try ["0:0", "0:0 - 0:1"].map { try ScoreTarget(parsing: $0).resolved(among: network.outputs) }
    return try WindowModel(network, length: length, step: step, targets: targets)
  }

  /// Windows as a scan hands them over and as it never would: a grid, its last window off the grid, a jump, windows without
  /// a place, another sequence at the same places, a window that goes back.
  static func windows(step: Int) -> [WindowTask] {
    var random = SplitMix64(seed: UInt64(step))
    func sequence() -> [UInt8] {
      random.bases(count: 400).map { Int.random(in: 0..<12, using: &random) == 0 ? 4 : $0 }
    }
    let (one, other) = (sequence(), sequence())
    func window(_ codes: [UInt8], at start: Int, placed: Bool = true) -> WindowTask {
      WindowTask(
        codes: codes[start..<start + length], columns: 20..<20 + min(step, 10), start: placed ? start : nil,
        location: "window at \(start)")
    }
    let grid = stride(from: 0, through: 200, by: step)
    var windows = grid.map { window(one, at: $0) }
    windows.append(window(one, at: 211))
    windows += stride(from: 300, through: 352, by: step).map { window(one, at: $0) }
    windows += (0..<3).map { window(other, at: $0 * step, placed: false) }
    windows += grid.map { window(other, at: $0) }
    windows.append(window(other, at: 0))
    return windows
  }

  private func agrees(
    _ alone: inout some WindowScorer & ~Copyable, _ shared: inout some WindowScorer & ~Copyable, step: Int
  ) throws {
    let windows = Self.windows(step: step)
    let wanted = try alone.score(windows)
    // All at once, and as a scan would: by groups.
    for size in [windows.count, 7] {
      var first = 0
      while first < windows.count {
        let group = Array(windows[first..<min(windows.count, first + size)])
        for (number, got) in try shared.score(group).enumerated() {
          let expected = wanted[first + number]
          #expect(got.predictions.map(\.bitPattern) == expected.predictions.map(\.bitPattern), "\(group[number])")
          for (a, b) in zip(got.substitutions, expected.substitutions) {
            #expect(a.values.map(\.bitPattern) == b.values.map(\.bitPattern), "\(group[number])")
          }
        }
        first += size
      }
    }
  }

  static let steps = [1, 2, 3, 6, 12]

  @Test("predictions, TISM and ISM have the same bits as window by window", arguments: steps)
  func sameBits(step: Int) throws {
    let (alone, shared) = (try Self.model(step: nil), try Self.model(step: step))
    for purpose in [SessionPurpose.prediction, .gradient, .reference] {
      #expect(try shared.network.sharedTrunk(batch: 1, length: Self.length, step: step, for: purpose) != nil)
    }
    var prediction = try WindowPrediction(alone)
    var sharedPrediction = try WindowPrediction(shared)
    #expect(sharedPrediction.windowsAtOnce > prediction.windowsAtOnce)
    try agrees(&prediction, &sharedPrediction, step: step)
    var tism = try WindowTISM(alone)
    var sharedTISM = try WindowTISM(shared)
    try agrees(&tism, &sharedTISM, step: step)
    var ism = try WindowDifferences(alone)
    var sharedISM = try WindowDifferences(shared)
    try agrees(&ism, &sharedISM, step: step)
  }

  @Test("a model whose windows share too little is run window by window")
  func nothingToShare() throws {
    let network = try Self.model(step: 1).network
    #expect(try network.sharedTrunk(batch: 1, length: Self.length, step: Self.length, for: .prediction) == nil)
    // At a step that is no multiple of the strides each window would need rows of its own.
    #expect(try network.sharedTrunk(batch: 1, length: Self.length, step: 47, for: .prediction) == nil)
    let dense = try WindowTests.model(["0:1"]).network
    #expect(try dense.sharedTrunk(batch: 1, length: 12, step: 1, for: .prediction) == nil)
  }
}
