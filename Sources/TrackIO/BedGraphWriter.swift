public import Genomics
internal import HTS

/// Writes one track as a bgzipped bedGraph with its tabix index (`path.tbi`, or `path.csi` when a contig has 2^29 bases).
///
/// Values are the shortest decimals that give the same float32 back; neighbours with equal bits become one line (-0 counts as
/// 0); no track line. The index gets its name first, so that a bedGraph under its name is complete with its index.
public struct BedGraphWriter: ~Copyable, TrackWriter {
  private let path: String
  private let kind: Tabix.Kind
  private let target: AtomicFile
  private var output: BlockWriter?
  private var cursor: TrackCursor
  /// The line that may still grow.
  private var open: (contig: Int, start: Int, end: Int, value: Float)?
  private var lines: [UInt8] = []

  /// - Parameter contigs: in ``Genomics/Contig/trackOrder(_:_:)``.
  public init(path: String, contigs: [Contig]) throws(TrackError) {
    let cursor = try TrackCursor(path: path, contigs: contigs, limit: 1 << 32)
    let target = try AtomicFile(path: path)
    let output = try Self.output(target.temporaryPath, path: path)
    self.path = path
    self.cursor = cursor
    self.target = target
    self.output = consume output
    kind = Tabix.kind(forContigsUpTo: contigs.map(\.length).max() ?? 0) ?? .csi
  }

  public mutating func append(contig: Int, start: Int, values: Span<Float>) throws(TrackError) {
    guard output != nil else { throw .discarded(path: path) }
    do throws(TrackError) {
      try cursor.advance(contig: contig, start: start, values: values)
      for index in values.indices where !values[index].isNaN {
        // Adding 0 turns -0 into 0.
        add(contig: contig, position: start + index, value: values[index] + 0)
        if lines.count > 1 << 16 { try flush() }
      }
    } catch {
      output = nil
      throw error
    }
  }

  public consuming func finish() throws(TrackError) {
    guard output != nil else { throw .discarded(path: path) }
    close()
    try flush()
    let index = try AtomicFile(path: "\(path).\(kind.rawValue)")
    do throws(HTSError) {
      try output.take()!.finish()
      try Tabix.index(path: target.temporaryPath, into: index.temporaryPath, kind: kind)
    } catch {
      throw .writeFailed(path: path, reason: String(describing: error))
    }
    try index.commit()
    try target.commit()
  }

  private mutating func add(contig: Int, position: Int, value: Float) {
    if let line = open, line.contig == contig, line.end == position, line.value == value {
      open?.end += 1
    } else {
      close()
      open = (contig, position, position + 1, value)
    }
  }

  /// Writes the line that may still grow.
  private mutating func close() {
    guard let line = open else { return }
    lines += cursor.contigs[line.contig].name.utf8
    lines += "\t\(line.start)\t\(line.end)\t".utf8
    lines += Self.text(line.value)
    lines.append(UInt8(ascii: "\n"))
    open = nil
  }

  private mutating func flush() throws(TrackError) {
    do throws(HTSError) {
      try output?.write(lines)
    } catch {
      throw .writeFailed(path: path, reason: String(describing: error))
    }
    lines.removeAll(keepingCapacity: true)
  }

  /// The shortest decimal that reads back as `value`, without a needless `.0`.
  private static func text(_ value: Float) -> Substring.UTF8View {
    let text = value.description
    return (text.hasSuffix(".0") ? text.dropLast(2) : text[...]).utf8
  }

  private static func output(_ temporaryPath: String, path: String) throws(TrackError) -> BlockWriter {
    do throws(HTSError) {
      return try BlockWriter(path: temporaryPath)
    } catch {
      throw .cannotCreate(path: path, reason: String(describing: error))
    }
  }
}
