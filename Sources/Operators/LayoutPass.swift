internal import NetworkGraph
internal import Tensors

/// Moves transposes and reshapes down the graph until they cancel, so that convolutions run channels-last from the first
/// layer to the last.
///
/// Exporters wrap every layer of a one-dimensional model in them: PyTorch models are channels-first, and tf2onnx puts unit
/// axes around each convolution. A value is held as a *view* of another: `permutation` of its axes, then `shape`.
struct LayoutPass {
  /// A value as a rearrangement of `source`: its axes in the order `permutation` (`nil` for the identity), then its
  /// elements under `shape`.
  private struct View {
    var source: Graph.ValueID
    var permutation: [Int]?
    var shape: Shape
  }

  private var graph: Graph
  private let original: Graph
  private var nodes: [Graph.Node] = []
  private var views: [Graph.ValueID: View] = [:]
  private var materialised: [Graph.ValueID: Graph.ValueID] = [:]

  init(_ graph: Graph) {
    self.graph = graph
    original = graph
  }

  mutating func run() -> Graph {
    for node in original.nodes {
      if let view = rearrangement(node) {
        views[node.outputs[0]] = view
      } else if !pushed(node) && !flattened(node) {
        var node = node
        node.inputs = node.inputs.map { materialise($0) }
        nodes.append(node)
      }
    }
    graph.outputs = graph.outputs.map { output in
      let value = materialise(output)
      graph.values[value].name = original.values[output].name
      return value
    }
    graph.nodes = nodes
    return graph
  }

  private func view(of value: Graph.ValueID) -> View {
    views[value] ?? View(source: value, permutation: nil, shape: graph.values[value].shape)
  }

  /// The permuted shape of a view before its reshape.
  private func permutedShape(_ view: View) -> Shape {
    let shape = graph.values[view.source].shape
    return view.permutation.map { Shape($0.map { shape[$0] }) } ?? shape
  }

  /// The node's output as a view, when the node only rearranges.
  private func rearrangement(_ node: Graph.Node) -> View? {
    if let reshape = node.op as? Reshape {
      var view = view(of: node.inputs[0])
      view.shape = reshape.shape
      return view
    }
    guard let transpose = node.op as? Transpose else { return nil }
    let input = view(of: node.inputs[0])
    guard let (axes, _) = axisOrder(input) else {
      // Of a split or joined axis: still only a reshape when no axis longer than 1 changes its place.
      let long = transpose.permutation.filter { input.shape[$0] != 1 }
      guard long == long.sorted() else { return nil }
      var view = input
      view.shape = Shape(transpose.permutation.map { input.shape[$0] })
      return view
    }
    // In terms of the source's axes: unit axes that a reshape added have none.
    let moved = transpose.permutation.map { axes[$0] }
    let shape = Shape(transpose.permutation.map { input.shape[$0] })
    let kept = moved.compactMap { $0 }
    let dropped = graph.values[input.source].shape.dims.indices.filter { !kept.contains($0) }
    let permutation = kept + dropped
    let identity = permutation == Array(permutation.indices)
    return View(source: input.source, permutation: identity ? nil : permutation, shape: shape)
  }

  /// For a view that only permutes axes and adds or drops unit axes: which source axis each of its axes is (`nil` for an
  /// added one).
  private func axisOrder(_ view: View) -> (axes: [Int?], shape: Shape)? {
    let permuted = permutedShape(view)
    let permutation = view.permutation ?? Array(permuted.dims.indices)
    var axes: [Int?] = []
    var next = 0
    for length in view.shape.dims {
      while next < permuted.rank, permuted[next] == 1, length != 1 { next += 1 }
      if next < permuted.rank, permuted[next] == length {
        axes.append(permutation[next])
        next += 1
      } else if length == 1 {
        axes.append(nil)
      } else {
        return nil
      }
    }
    while next < permuted.rank, permuted[next] == 1 { next += 1 }
    return next == permuted.rank ? (axes, view.shape) : nil
  }

  /// Applies the node to the sources of its inputs' views and makes its outputs views; false when it does not commute.
  private mutating func pushed(_ node: Graph.Node) -> Bool {
    let data = node.inputs.filter { graph.values[$0].constant == nil }
    guard let first = data.first, data.contains(where: { views[$0] != nil }) else { return false }
    if data.count == 1, pushedReduction(node, view(of: first)) { return true }
    alignUnitAxes(data)
    let common = view(of: first)
    let all = data.map { view(of: $0) }
    guard all.allSatisfy({ $0.permutation == common.permutation }) else { return false }
    let onlyPermuted = all.allSatisfy { permutedShape($0) == $0.shape && $0.shape.rank == common.shape.rank }
    let sourceShape = graph.values[common.source].shape
    guard
      onlyPermuted || all.allSatisfy({ $0.shape == common.shape && graph.values[$0.source].shape == sourceShape })
    else { return false }

    if onlyPermuted {
      guard let permutation = common.permutation else {
        return replace(node, by: node.op, constants: { $0 }, outputs: node.outputs.map { _ in nil }, shapes: nil)
      }
      return pushedThroughPermutation(node, permutation)
    }
    return pushedThroughReshape(node, common)
  }

  /// Beside a value whose axes are permuted, one with a single axis longer than 1 (a gate of channels) is permuted alike: that
  /// moves no element.
  private mutating func alignUnitAxes(_ data: [Graph.ValueID]) {
    let permuted = data.map { view(of: $0) }.first { $0.permutation != nil && permutedShape($0) == $0.shape }
    guard let permutation = permuted?.permutation else { return }
    let inverse = permutation.indices.map { axis in permutation.firstIndex(of: axis)! }
    for value in data where view(of: value).permutation != permutation {
      let shape = view(of: value).shape
      guard shape.rank == permutation.count, shape.dims.count(where: { $0 != 1 }) <= 1 else { continue }
      let moved = Shape(inverse.map { shape[$0] })
      let own = materialise(value)
      materialised[value] = own
      let source = emit(Reshape(to: moved), on: own, shape: moved, name: graph.values[own].name + ".aligned")
      views[value] = View(source: source, permutation: permutation, shape: shape)
    }
  }

  /// A reduction of a value that is permuted and has unit axes more or less: over the source's own axes.
  private mutating func pushedReduction(_ node: Graph.Node, _ view: View) -> Bool {
    guard let reduce = node.op as? Reduce, permutedShape(view) != view.shape, let (axes, _) = axisOrder(view) else {
      return false
    }
    let shape = graph.values[view.source].shape
    let reduced = reduce.axes.compactMap { axes[$0] }
    let kept = axes.indices.filter { !reduce.axes.contains($0) }.compactMap { axes[$0] }.filter { shape[$0] != 1 }
    guard !reduced.isEmpty, kept == kept.sorted() else { return false }
    let result = Shape(shape.dims.indices.map { reduced.contains($0) ? 1 : shape[$0] })
    let output = emit(
      Reduce(reduce.function, axes: reduced, keepsAxes: true), on: view.source, shape: result, name: node.name)
    views[node.outputs[0]] = View(
      source: output, permutation: nil, shape: original.values[node.outputs[0]].shape)
    return true
  }

  private mutating func pushedThroughPermutation(_ node: Graph.Node, _ permutation: [Int]) -> Bool {
    let shapes = node.inputs.map { original.values[$0].shape }
    guard let (op, outputs) = node.op.commuting(with: permutation, shapes: shapes) else { return false }
    let inverse = permutation.indices.map { axis in permutation.firstIndex(of: axis)! }
    return replace(
      node, by: op,
      constants: { constant in
        guard constant.shape.count > 1, constant.shape.rank <= permutation.count else { return constant }
        let padded = constant.reshaped(
          Shape(Array(repeating: 1, count: permutation.count - constant.shape.rank) + constant.shape.dims))
        return try? Transpose(permutation: inverse).evaluate([padded])[0]
      }, outputs: outputs.map { $0 }, shapes: nil)
  }

  /// Elementwise operators do not see a reshape; a scale or slope per channel sees only where its axis went.
  private mutating func pushedThroughReshape(_ node: Graph.Node, _ view: View) -> Bool {
    let outputShape = original.values[node.outputs[0]].shape
    guard node.outputs.count == 1, outputShape == view.shape else { return false }
    var op = node.op
    var reshapesConstants = false
    if let scale = op as? ScaleShift {
      guard let (axes, _) = axisOrder(view), let axis = axes[scale.axis] else { return false }
      op = ScaleShift(scale: scale.scale, shift: scale.shift, axis: axis)
    } else if let relu = op as? ParametricRelu {
      guard let (axes, _) = axisOrder(view), let axis = axes[relu.axis] else { return false }
      op = ParametricRelu(slopes: relu.slopes, axis: axis)
    } else if op is Binary {
      reshapesConstants = true
    } else if !op.isElementwise {
      return false
    }
    let order = axisOrder(view)
    let sourceRank = graph.values[view.source].shape.rank
    return replace(
      node, by: op,
      constants: { constant in
        guard reshapesConstants, constant.shape.count > 1 else { return constant }
        // The constant's axes, brought to where the source has them.
        guard let order, constant.shape.rank <= view.shape.rank else { return nil }
        let padded = constant.reshaped(
          Shape(Array(repeating: 1, count: view.shape.rank - constant.shape.rank) + constant.shape.dims))
        let kept = order.axes.indices.filter { order.axes[$0] != nil }
        guard order.axes.indices.allSatisfy({ order.axes[$0] != nil || padded.shape[$0] == 1 }) else { return nil }
        let sorted = kept.sorted { order.axes[$0]! < order.axes[$1]! }
        let rest = order.axes.indices.filter { order.axes[$0] == nil }
        guard let moved = try? Transpose(permutation: sorted + rest).evaluate([padded])[0] else { return nil }
        var dims = [Int](repeating: 1, count: sourceRank)
        for axis in sorted { dims[order.axes[axis]!] = padded.shape[axis] }
        return moved.reshaped(Shape(dims))
      }, outputs: [view.permutation], shapes: [view.shape])
  }

  /// Emits `op` on the sources and records the node's outputs as views of its results.
  /// - Parameters:
  ///   - constants: brings a constant operand into the sources' layout; `nil` when that cannot be done.
  ///   - outputs: the permutation of each output's view.
  ///   - shapes: the shape of each output's view, when it is more than permuted.
  private mutating func replace(
    _ node: Graph.Node, by op: any NetworkOperator, constants: (ConstantTensor) -> ConstantTensor?,
    outputs: [[Int]?], shapes: [Shape]?
  ) -> Bool {
    var inputs: [Graph.ValueID] = []
    var added: [Graph.Value] = []
    for input in node.inputs {
      guard let constant = graph.values[input].constant else {
        inputs.append(view(of: input).source)
        continue
      }
      guard let moved = constants(constant) else { return false }
      inputs.append(graph.values.count + added.count)
      added.append(Graph.Value(name: graph.values[input].name, shape: moved.shape, constant: moved))
    }
    let known = graph.values.count
    let inputShapes = inputs.map { $0 < known ? graph.values[$0].shape : added[$0 - known].shape }
    guard let results = try? op.outputShapes(for: inputShapes), results.count == node.outputs.count
    else { return false }
    for (index, result) in results.enumerated() {
      let shape = original.values[node.outputs[index]].shape
      let permuted = outputs[index].map { Shape($0.map { result[$0] }) } ?? result
      guard shapes == nil ? permuted == shape : permuted.count == shape.count else { return false }
    }
    graph.values += added
    var new: [Graph.ValueID] = []
    for (index, result) in results.enumerated() {
      new.append(graph.values.count)
      graph.values.append(Graph.Value(name: original.values[node.outputs[index]].name, shape: result))
      let identity = outputs[index].map { $0 == Array($0.indices) } ?? true
      views[node.outputs[index]] = View(
        source: new[index], permutation: identity ? nil : outputs[index],
        shape: original.values[node.outputs[index]].shape)
    }
    nodes.append(Graph.Node(name: node.name, op: op, inputs: inputs, outputs: new))
    return true
  }

  /// A dense layer on flattened channels-first rows reads channels-last rows with its weights reordered instead.
  private mutating func flattened(_ node: Graph.Node) -> Bool {
    guard let dense = node.op as? Dense, let view = views[node.inputs[0]], view.permutation == [0, 2, 1],
      view.shape.rank == 2
    else { return false }
    let source = graph.values[view.source].shape
    guard source.rank == 3, view.shape[0] == source[0],
      let reordered = dense.readingTransposedInput(rows: source[2], columns: source[1])
    else { return false }
    let flat = emit(Reshape(to: view.shape), on: view.source, shape: view.shape, name: node.name + ".flatten")
    nodes.append(Graph.Node(name: node.name, op: reordered, inputs: [flat], outputs: node.outputs))
    return true
  }

  /// The value itself, computed: the transposes and reshapes of its view become nodes.
  private mutating func materialise(_ value: Graph.ValueID) -> Graph.ValueID {
    guard let view = views[value] else { return value }
    if let known = materialised[value] { return known }
    let name = original.values[value].name
    var result = view.source
    let source = graph.values[result].shape
    let long = (view.permutation ?? []).filter { source[$0] != 1 }
    // Moving unit axes about moves no element: the reshape below does it.
    if let permutation = view.permutation, long != long.sorted(),
      let transpose = try? Transpose(permutation: permutation)
    {
      result = emit(transpose, on: result, shape: permutedShape(view), name: name + ".transposed")
    }
    if graph.values[result].shape != view.shape {
      result = emit(Reshape(to: view.shape), on: result, shape: view.shape, name: name + ".reshaped")
    }
    materialised[value] = result
    return result
  }

  private mutating func emit(
    _ op: any NetworkOperator, on input: Graph.ValueID, shape: Shape, name: String
  ) -> Graph.ValueID {
    let output = graph.values.count
    graph.values.append(Graph.Value(name: name, shape: shape))
    nodes.append(Graph.Node(name: name, op: op, inputs: [input], outputs: [output]))
    return output
  }
}
