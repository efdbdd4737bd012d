import Attribution
import Engine
import Kernels
import NetworkGraph
import Operators
import Tensors
import TestSupport
import Testing

@Suite("Self-check")
struct SelfCheckTests {
  /// A small Basset: convolution, ReLU, max pool, convolution, dense head; or one logit a base.
  static func windows(_ fault: Fault? = nil, in node: String = "conv2") throws -> WindowModel {
    let network = try Network(fixedLength: 60) { batch, length in
      var random = SplitMix64(seed: 21)
      func weights(_ shape: Shape) -> ConstantTensor {
        let scale = 2 / Float(shape.dims.dropFirst().reduce(1, *)).squareRoot()
        return ConstantTensor(shape: shape, floats: random.floats(count: shape.count).map { $0 * scale })
      }
      var builder = GraphBuilder(batch: batch, length: length)
      var x = try builder.apply(
        Convolution(weight: weights([8, 4, 7]), bias: weights([8]), padding: (3, 3)), to: builder.sequence,
        name: "conv1")
      x = try builder.apply(Unary(.relu), to: x, name: "relu1")
      x = try builder.apply(Pool(kind: .max, size: 3, stride: 3), to: x, name: "pool")
      x = try builder.apply(
        Convolution(weight: weights([9, 8, 5]), bias: weights([9]), padding: (2, 2)), to: x, name: "conv2")
      x = try builder.apply(Unary(.gelu), to: x, name: "gelu")
      x = try builder.apply(Reshape(to: [batch, length / 3 * 9]), to: x, name: "flat")
      x = try builder.apply(Dense(weight: weights([length / 3 * 9, 2]), bias: nil), to: x, name: "head")
      return builder.graph(outputs: [x]).breaking(node, fault)
    }
    return try WindowModel(
      network, length: 60,
      targets: ScoreTarget.defaults(among: network.outputs).map { try $0.resolved(among: network.outputs) })
  }

  static func positions(_ fault: Fault? = nil) throws -> PositionModel {
    let tower = PositionTower()
    let network = try Network(fixedLength: nil) { try tower.graph(batch: $0, length: $1).breaking("conv2", fault) }
    var settings = OutputSettings()
    settings.activation = .logit
    guard case .position(let layout) = try network.settledKind(settings) else { fatalError("not per-position") }
    return try PositionModel(network, layout: layout)
  }

  /// The failure that a check ended with.
  private func failure(_ body: () throws -> CheckTally) throws -> CheckFailure? {
    do {
      _ = try body()
      return nil
    } catch AttributionError.disagreement(let failure) {
      return failure
    }
  }

  @Test(
    "a correct model passes on every convolutional fixture, whatever the seed", arguments: FixtureTests.convolutional)
  func fixtures(name: String) throws {
    let fixture = try FixtureTests.Fixture(name)
    var tally = CheckTally()
    for seed in 0..<UInt64(4) {
      tally.add(try SelfCheck(methods: [.ism, .tism], fast: true, seed: seed).run(fixture.model))
    }
    #expect(tally.ism.scores > 30 && tally.tism.scores > 100)
    // What is left below 1 is room for the many draws of a long run.
    #expect(max(tally.ism.largestShareOfTolerance, tally.tism.largestShareOfTolerance) < 0.5)
    #expect(tally.tism.kinks * 50 < tally.tism.scores)
  }

  @Test("a correct model passes for many seeds, by either engine", arguments: [true, false])
  func manySeeds(fast: Bool) throws {
    for seed in 0..<UInt64(fast ? 40 : 4) {
      let check = SelfCheck(methods: [.ism, .tism], fast: fast, seed: seed)
      #expect(try check.run(Self.windows()).tism.scores > 0)
      #expect(try check.run(Self.positions(), targets: PositionTarget.allCases).tism.scores > 0)
    }
  }

  @Test("a saturated reference passes: the edit, not the reference, decides what its roundings come to")
  func saturated() throws {
    let network = try Network(fixedLength: 24) { batch, length in
      // Three As are far in the saturated end of the sigmoid; any edit brings the sum back to where it is steepest.
      let taps: [[Float]] = [[1000.1, 999.7, 1000.3], [-2000.2, -1999.9, -2000.4], [-1999.6, -2000.1, -1999.8]]
      let weight = ConstantTensor(shape: [1, 4, 3], floats: [taps[0], taps[1], taps[2], taps[1]].flatMap { $0 })
      var builder = GraphBuilder(batch: batch, length: length)
      var x = try builder.apply(
        Convolution(weight: weight, bias: nil, padding: (1, 1)), to: builder.sequence, name: "conv")
      x = try builder.apply(Unary(.sigmoid), to: x, name: "sigmoid")
      x = try builder.apply(Reshape(to: [batch, length]), to: x, name: "flat")
      let sum = ConstantTensor(shape: [length, 1], floats: [Float](repeating: 1, count: length))
      x = try builder.apply(Dense(weight: sum, bias: nil), to: x, name: "head")
      return builder.graph(outputs: [x])
    }
    let model = try WindowModel(
      network, length: 24,
      targets: ScoreTarget.defaults(among: network.outputs).map { try $0.resolved(among: network.outputs) })
    let tally = try SelfCheck(methods: [.ism], fast: true).run(model, sequence: [UInt8](repeating: 0, count: 24))
    #expect(tally.ism.scores > 5)
  }

  @Test("a fault in a difference rule or a gradient is caught, in either kind of model", arguments: Fault.allCases)
  func faults(_ fault: Fault) throws {
    for seed in 0..<UInt64(5) {
      for methods: Set<CheckedMethod> in fault.isInDifferences ? [[.ism], [.tism], [.ism, .tism]] : [[.tism]] {
        let check = SelfCheck(methods: methods, fast: true, seed: seed)
        let window = try failure { try check.run(Self.windows(fault)) }
        #expect(window?.usesDifferences == true, "seed \(seed), \(methods)")
        let position = try failure { try check.run(Self.positions(fault), targets: [.weighted]) }
        #expect(position?.target == "weighted", "seed \(seed), \(methods)")
      }
    }
  }

  @Test(
    "a fault in any layer is caught", arguments: ["conv1", "relu1", "pool", "conv2", "gelu", "head"], Fault.allCases)
  func faultsAnywhere(node: String, fault: Fault) throws {
    let check = SelfCheck(methods: [fault.isInDifferences ? .ism : .tism], fast: true)
    let model = try Self.windows(fault, in: node)
    #expect(try failure { try check.run(model) } != nil)
  }

  @Test("the cure that the message names works: naive passes know no difference rules, ISM no gradients")
  func cures() throws {
    for fault in Fault.allCases {
      let methods: Set<CheckedMethod> = fault.isInDifferences ? [.ism, .tism] : [.ism]
      let check = SelfCheck(methods: methods, fast: !fault.isInDifferences)
      _ = try check.run(Self.windows(fault))
    }
    let caught = try failure { try SelfCheck(methods: [.tism], fast: false).run(Self.windows(.scaledGradient)) }
    let text = try #require(caught).description
    #expect(text.contains("TISM of target '0:") && text.contains("column ") && text.contains("--method ism"))
    let other = try failure { try SelfCheck(methods: [.ism], fast: true).run(Self.windows(.scaledDifference)) }
    #expect(try #require(other).description.contains("--engine naive"))
  }
}
