internal import FoundationEssentials
internal import Tensors

/// Turns ONNX tensors into constants: inline or external bytes, or the typed fields.
struct TensorReader {
  let path: String
  /// Files beside the model that hold weights, in the order of their first use.
  private(set) var externalFiles: [String] = []
  private var contents: [String: Data] = [:]

  /// Elements beyond which a tensor is taken for a mistake: 2^33.
  private static let largestCount = 1 << 33

  init(path: String) { self.path = path }

  mutating func read(_ tensor: Onnx_TensorProto) throws(ModelError) -> ConstantTensor {
    func refusal(_ reason: String) -> ModelError { .tensor(path: path, name: tensor.name, reason: reason) }
    var count = 1
    for length in tensor.dims {
      let (product, overflow) = count.multipliedReportingOverflow(by: Int(max(length, 1)))
      guard length >= 0, !overflow, product <= Self.largestCount else {
        throw refusal("its shape \(tensor.dims) is not possible")
      }
      count = product
    }
    let shape = Shape(tensor.dims.map(Int.init))
    count = shape.count
    guard let type = ElementType(rawValue: Int(tensor.dataType)) else {
      let name = Onnx_TensorProto.DataType(rawValue: Int(tensor.dataType)).map { "\($0)" } ?? "\(tensor.dataType)"
      throw refusal("elements of type \(name) are not supported; export the model in float32")
    }
    let values: ElementValues?
    if tensor.dataLocation == .external {
      let data = try externalBytes(of: tensor, count: count * type.width)
      values = type.decode(data, count: count)
    } else if tensor.hasRawData {
      values = type.decode(tensor.rawData, count: count)
    } else {
      values = type.decode(fieldsOf: tensor, count: count)
    }
    guard let values else { throw refusal("its data does not hold the \(count) elements of its shape \(shape)") }
    switch values {
    case .single(let floats): return ConstantTensor(shape: shape, floats: floats)
    case .double(let doubles): return ConstantTensor(shape: shape, kind: type.kind, values: doubles)
    }
  }

  /// The bytes of a tensor that lie in a file beside the model.
  private mutating func externalBytes(of tensor: Onnx_TensorProto, count: Int) throws(ModelError) -> Data {
    let entries = Dictionary(tensor.externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    guard let location = entries["location"], !location.isEmpty else {
      throw .tensor(path: path, name: tensor.name, reason: "it is external, but no file is named")
    }
    let file = try resolve(location, tensor: tensor.name)
    if contents[file] == nil {
      contents[file] = try FileBytes.read(file)
      externalFiles.append(file)
    }
    let data = contents[file]!
    let offset = entries["offset"].map { Int($0) ?? -1 } ?? 0
    let length = entries["length"].map { Int($0) ?? -1 } ?? count
    guard offset >= 0, length == count, offset <= data.count, data.count - offset >= length else {
      throw .tensor(
        path: path, name: tensor.name,
        reason: "\(file) has \(data.count) bytes; bytes \(offset) and the \(count) after it are no part of it. "
          + "Copy the file again")
    }
    return data.subdata(in: data.startIndex + offset..<data.startIndex + offset + length)
  }

  /// The path of a data file, inside the model's folder even when links are followed.
  private func resolve(_ location: String, tensor: String) throws(ModelError) -> String {
    let outside = ModelError.dataOutsideFolder(path: path, file: location, tensor: tensor)
    guard !location.hasPrefix("/"), !location.split(separator: "/").contains("..") else { throw outside }
    let folder = URL(filePath: path).deletingLastPathComponent()
    let file = folder.appending(path: location)
    guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else {
      throw .missingData(path: path, file: file.path(percentEncoded: false), tensor: tensor)
    }
    var root = folder.resolvingSymlinksInPath().path(percentEncoded: false)
    if !root.hasSuffix("/") { root += "/" }
    // A model that is itself a link lies beside its data where the link points.
    var home = URL(filePath: path).resolvingSymlinksInPath().deletingLastPathComponent().path(percentEncoded: false)
    if !home.hasSuffix("/") { home += "/" }
    let target = file.resolvingSymlinksInPath().path(percentEncoded: false)
    guard target.hasPrefix(root) || target.hasPrefix(home) else { throw outside }
    return file.path(percentEncoded: false)
  }
}
