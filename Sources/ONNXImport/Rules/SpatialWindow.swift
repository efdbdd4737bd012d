internal import NetworkGraph
internal import Operators
internal import Tensors

/// What a convolution or pooling does along one spatial axis.
struct SpatialWindow {
  var size: Int
  var stride: Int
  var dilation: Int
  var before: Int
  var after: Int

  /// Whether every entry is seen by itself.
  var isIdentity: Bool { size == 1 && stride == 1 && before == 0 && after == 0 }

  /// Input positions that the taps span.
  var span: Int { (size - 1) * dilation + 1 }

  /// Reads strides, dilations and paddings, automatic ones included.
  /// - Parameter lengths: input positions along each axis.
  static func read(_ node: ONNXNode, kernel: [Int], lengths: [Int]) throws(OperatorError) -> [SpatialWindow] {
    let count = kernel.count
    let strides = try node.sizes("strides", count: count, default: 1)
    let dilations = try node.sizes("dilations", count: count, default: 1)
    let pads = try node.sizes("pads", count: 2 * count, default: 0)
    let automatic = node.string("auto_pad", default: "NOTSET")
    var windows: [SpatialWindow] = []
    for axis in 0..<count {
      guard strides[axis] > 0, dilations[axis] > 0, kernel[axis] > 0, kernel[axis] <= Int(Int32.max) else {
        throw OperatorError("kernel \(kernel), strides \(strides), dilations \(dilations)")
      }
      var window = SpatialWindow(
        size: kernel[axis], stride: strides[axis], dilation: dilations[axis], before: pads[axis],
        after: pads[axis + count])
      switch automatic {
      case "SAME_UPPER", "SAME_LOWER":
        let outputs = (lengths[axis] + window.stride - 1) / window.stride
        let total = max((outputs - 1) * window.stride + window.span - lengths[axis], 0)
        window.before = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
        window.after = total - window.before
      case "VALID": (window.before, window.after) = (0, 0)
      case "NOTSET", "": break
      default: throw OperatorError("auto_pad \(automatic)")
      }
      windows.append(window)
    }
    return windows
  }

  /// True when the window of an axis of length 1 holds that one entry, once.
  func isPoint(length: Int) -> Bool {
    length == 1 && 1 + before + after >= span && (1 + before + after - span) / stride == 0
      && before % dilation == 0 && before / dilation < size
  }
}

/// Convolutions over several axes that are really one-dimensional: the kernel has one tap, or there are two axes of which one has
/// length 1 or is spanned by the kernel.
enum PlanarConvolution {
  struct Flat {
    /// `[N, C, L]`
    var value: Graph.ValueID
    /// `[out, in / groups, taps]`
    var weight: ConstantTensor
    var window: SpatialWindow
    /// Lengths of the result's spatial axes; `nil` for the positions of the convolution.
    var spatial: [Int?]
  }

  static func flatten(
    input: Graph.ValueID, weight: ConstantTensor, windows: [SpatialWindow], _ build: inout NodeBuilder
  ) throws(OperatorError) -> Flat {
    let shape = build.shape(of: input)
    if shape.rank == 3 { return Flat(value: input, weight: weight, window: windows[0], spatial: [nil]) }
    let w = weight.shape
    if windows.allSatisfy(\.isIdentity) {
      // Attention pooling has this: every entry is seen by itself.
      return Flat(
        value: try build.reshape(input, to: [shape[0], shape[1], shape.dims[2...].reduce(1, *)]),
        weight: weight.reshaped([w[0], w[1], 1]), window: windows[0], spatial: Array(shape.dims[2...]))
    }
    if shape.rank == 4 {
      for dropped in [0, 1] {
        let (window, length) = (windows[dropped], shape[2 + dropped])
        let kept = 1 - dropped
        let spans = window.size == length && window.before == 0 && window.after == 0 && window.dilation == 1
        guard spans || window.isPoint(length: length) else { continue }
        // Where padding surrounds the one entry, only the tap on it counts.
        var taps = weight
        if !spans {
          var cuts = w.dims.map { Slice.Cut(start: 0, count: $0) }
          cuts[2 + dropped] = Slice.Cut(start: window.before / window.dilation, count: 1)
          taps = try Slice(cuts: cuts).evaluate([weight])[0]
        }
        // The spanned axis becomes part of the channels.
        let order = dropped == 0 ? [0, 1, 2, 3] : [0, 1, 3, 2]
        if dropped == 1 { taps = try Transpose(permutation: order).evaluate([taps])[0] }
        let value = try build.transpose(input, length == 1 ? [0, 1, 2, 3] : order)
        return Flat(
          value: try build.reshape(value, to: [shape[0], shape[1] * length, shape[2 + kept]]),
          weight: taps.reshaped([w[0], w[1] * taps.shape[2], w[2 + kept]]), window: windows[kept],
          spatial: dropped == 0 ? [1, nil] : [nil, 1])
      }
    }
    throw OperatorError(
      "input \(shape) with kernel \(w.dims[2...].map { $0 }): convolutions over more than one axis are not supported; "
        + "one axis must have length 1 or be spanned by the kernel without padding")
  }
}
