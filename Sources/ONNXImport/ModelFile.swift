public import NetworkGraph
public import Tensors

/// Length of one axis of a model's input or output.
public enum Dimension: Hashable, Sendable {
  case fixed(Int)
  /// Named or unnamed: any length.
  case symbolic(String)
}

/// A named tensor that goes into or comes out of a model.
public struct ModelPort: Hashable, Sendable {
  public let name: String
  public let dimensions: [Dimension]

  public init(name: String, dimensions: [Dimension]) {
    self.name = name
    self.dimensions = dimensions
  }
}

/// How the sequence input lays out its axes.
public enum SequenceLayout: Hashable, Sendable {
  /// `[N, 4, L]`, as PyTorch models have it.
  case channelsFirst
  /// `[N, L, 4]`, as Keras models have it.
  case channelsLast
}

/// A parsed ONNX file. Shapes are settled by `graph(batch:length:inputs:)`.
public struct ModelFile: Sendable {
  public let path: String
  /// Every file that holds a part of the model (external weights), the ONNX file first: all count in its digest.
  public let files: [String]
  /// The input that takes one-hot sequences, its layout and the length when it is fixed.
  public let sequenceInput: ModelPort
  public let layout: SequenceLayout
  public let fixedLength: Int?
  /// Inputs besides the sequence; each must be bound to a constant.
  public let otherInputs: [ModelPort]
  public let outputs: [ModelPort]
  /// ONNX `metadata_props`.
  public let metadata: [String: String]
  /// Version of the default operator set.
  public let opset: Int
  /// Elements of all initializers.
  public let parameterCount: Int

  public init(path: String) throws {
    fatalError("in the making")
  }

  /// The network for `batch` sequences of `length` bases, simplified and ready to compile.
  /// - Parameter inputs: values of the other inputs, by name.
  public func graph(batch: Int, length: Int, inputs: [String: ConstantTensor] = [:]) throws -> Graph {
    fatalError("in the making")
  }
}
