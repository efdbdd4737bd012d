import Attribution
import Engine

/// How many times fewer operations overlapping windows take because they share their trunk, by operation counts.
public struct TrunkSharing: Codable, Sendable {
  /// Bases from one window to the next.
  public let step: Int
  /// 1 where nothing is shared.
  public let predict, tism, ism: Double

  /// At a step of one base, at the default step of half a window, and at the largest multiple of the strides up to that.
  static func ofUsualSteps(_ network: Network, length: Int) throws -> [TrunkSharing] {
    let strides =
      try network.sharedTrunk(batch: network.fixedBatch ?? 1, length: length, step: 1, for: .prediction)?.period ?? 1
    let half = max(1, length / 2)
    return try Set([1, half / strides * strides, half]).filter { $0 > 0 }.sorted().map {
      try TrunkSharing(network, length: length, step: $0)
    }
  }

  /// - Parameter length: bases a window.
  init(_ network: Network, length: Int, step: Int) throws {
    func times(_ purpose: SessionPurpose, beside rest: Int) throws -> Double {
      guard
        let trunk = try network.sharedTrunk(
          batch: network.fixedBatch ?? 1, length: length, step: step, for: purpose)
      else { return 1 }
      return Double(trunk.multiplyAddsAlone + rest) / Double(trunk.multiplyAddsShared + rest)
    }
    self.step = step
    predict = try times(.prediction, beside: 0)
    let first = (length - step) / 2
    tism = try times(
      .gradient,
      beside: network.program(batch: network.fixedBatch ?? 1, length: length).multiplyAdds(
        ofGradientIn: first..<first + step))
    guard try network.prefersDifferences(length: length, naiveLength: length) else {
      ism = 1
      return
    }
    ism = try times(.reference, beside: 3 * step * network.differenceProgram(length: length).costPerEdit)
  }

  /// The numbers as text.
  var line: String {
    "  step \(step): prediction \(fixed(predict, digits: 1)), TISM \(fixed(tism, digits: 1)), "
      + "ISM \(fixed(ism, digits: 1)) times fewer operations"
  }
}
