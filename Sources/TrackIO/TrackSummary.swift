/// Number, range and sums of the values of some bases, in float64: what zoom records and the total summary hold.
struct TrackSummary: Equatable {
  /// Bases with a value.
  private(set) var count = 0
  private(set) var min = Double.infinity
  private(set) var max = -Double.infinity
  private(set) var sum = 0.0
  private(set) var sumOfSquares = 0.0

  /// Adds bases of one value.
  mutating func add(_ value: Double, count: Int) {
    self.count += count
    min = value < min ? value : min
    max = value > max ? value : max
    sum += value * Double(count)
    sumOfSquares += value * value * Double(count)
  }

  mutating func add(_ other: TrackSummary) {
    count += other.count
    min = Swift.min(min, other.min)
    max = Swift.max(max, other.max)
    sum += other.sum
    sumOfSquares += other.sumOfSquares
  }

  /// The total summary of a file, 40 bytes: zeros without any value.
  var bytes: [UInt8] {
    var bytes = LittleEndianBytes()
    bytes.append(UInt64(count))
    for number in count > 0 ? [min, max, sum, sumOfSquares] : [0, 0, 0, 0] { bytes.append(number.bitPattern) }
    return bytes.bytes
  }

  /// The last five words of a zoom record: 32-bit numbers, where a sum beyond their range is the largest.
  var words: [UInt32] {
    let largest = Double(Float.greatestFiniteMagnitude)
    return [UInt32(count)]
      + [min, max, sum, sumOfSquares].map { Float(Swift.min(largest, Swift.max(-largest, $0))).bitPattern }
  }
}
