/// The input that takes one-hot sequences: which axes are bases and positions.
struct SequenceInput: Sendable {
  let port: ModelPort
  /// The axis of length 4.
  let channelAxis: Int
  /// The axis of positions. The first axis is the batch, all others have length 1.
  let lengthAxis: Int

  var layout: SequenceLayout { channelAxis < lengthAxis ? .channelsFirst : .channelsLast }
  var fixedLength: Int? { port.dimensions[lengthAxis].length }
  var fixedBatch: Int? { port.dimensions[0].length }

  /// Finds the sequence among the inputs, or says why it cannot be told and which flag settles it.
  static func find(
    among inputs: [ModelPort], named name: String?, layout: SequenceLayout?, path: String
  ) throws(ModelError) -> SequenceInput {
    func refusal(_ reason: String) -> ModelError { .sequenceInput(path: path, reason: reason, inputs: inputs) }
    if let name {
      guard let port = inputs.first(where: { $0.name == name }) else {
        throw refusal("no input is named '\(name)' (--sequence-input)")
      }
      let readings = readings(of: port, layout: layout, trustsSymbols: true)
      guard readings.count <= 1 else {
        throw refusal("input '\(name)' can be read both ways; say --layout channels-first or --layout channels-last")
      }
      guard let reading = readings.first else {
        throw refusal("input '\(name)' has no axis of 4 bases beside one of positions")
      }
      return reading
    }
    let found = inputs.map { readings(of: $0, layout: layout, trustsSymbols: false) }.filter { !$0.isEmpty }
    guard found.count <= 1 else {
      let names = found.map { $0[0].port.name }.joined(separator: ", ")
      throw refusal("several inputs look like one-hot sequences (\(names)); name the one with --sequence-input NAME")
    }
    guard let readings = found.first else {
      throw refusal(
        "no input looks like one-hot sequences, [batch, 4, length] or [batch, length, 4]; "
          + "if one is, name it with --sequence-input NAME --layout channels-first|channels-last")
    }
    guard readings.count == 1 else {
      throw refusal(
        "input '\(readings[0].port.name)' can be read both ways; say --layout channels-first or --layout channels-last")
    }
    return readings[0]
  }

  /// Every way to read a port's axes as (batch, bases, positions) with unit axes between.
  ///
  /// - Parameter trustsSymbols: whether an axis of unknown length may be the bases; only for an input that was named, and
  ///   with a layout.
  private static func readings(
    of port: ModelPort, layout: SequenceLayout?, trustsSymbols: Bool
  ) -> [SequenceInput] {
    let rank = port.dimensions.count
    guard rank == 3 || rank == 4 else { return [] }
    var readings: [SequenceInput] = []
    for channel in 1..<rank {
      let length = port.dimensions[channel].length
      guard length == 4 || (length == nil && trustsSymbols && layout != nil) else { continue }
      for position in 1..<rank where position != channel {
        let others = (1..<rank).filter { $0 != channel && $0 != position }
        guard others.allSatisfy({ port.dimensions[$0].length == 1 }) else { continue }
        let reading = SequenceInput(port: port, channelAxis: channel, lengthAxis: position)
        if layout == nil || reading.layout == layout { readings.append(reading) }
      }
    }
    // With one axis known to hold the bases, axes of unknown length are no candidates.
    let certain = readings.filter { port.dimensions[$0.channelAxis].length == 4 }
    return certain.isEmpty ? readings : certain
  }
}
