/// Reads an ONNX file into a `Graph`, or names every node it cannot take. The only importer of SwiftProtobuf.
public enum ONNXImport {}
