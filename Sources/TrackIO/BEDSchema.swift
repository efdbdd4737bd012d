/// The columns of a bigBed and the autoSql text that describes them.
public struct BEDSchema: Sendable, Hashable {
  /// A column besides BED's standard ones.
  public struct Column: Sendable, Hashable {
    /// autoSql's name of the type, for example `string`, `uint`, `float`.
    public let type: String
    /// Letters, digits and underscores, beginning with a letter.
    public let name: String
    /// What it means; no quotation marks.
    public let comment: String

    public init(type: String, name: String, comment: String) {
      self.type = type
      self.name = name
      self.comment = comment
    }
  }

  /// Name of the table: letters, digits and underscores.
  public let name: String
  /// What a row is; no quotation marks.
  public let comment: String
  /// 3 to 12, how many of BED's standard columns there are.
  public let standardColumns: Int
  /// The columns after them.
  public let extraColumns: [Column]

  public init(name: String, comment: String, standardColumns: Int = 6, extraColumns: [Column] = []) {
    precondition(3...12 ~= standardColumns, "BED3 to BED12")
    precondition(
      extraColumns.isEmpty || standardColumns >= 6, "extra columns follow all six standard ones of a record")
    self.name = name
    self.comment = comment
    self.standardColumns = standardColumns
    self.extraColumns = extraColumns
  }

  /// Number of all columns.
  public var count: Int { standardColumns + extraColumns.count }

  /// The description as browsers read it.
  public var autoSql: String {
    let columns = (Self.standard.prefix(standardColumns) + extraColumns).map {
      "    \($0.type) \($0.name); \"\($0.comment)\"\n"
    }
    return "table \(name)\n\"\(comment)\"\n    (\n\(columns.joined())    )\n"
  }

  private static let standard = [
    Column(type: "string", name: "chrom", comment: "Reference sequence"),
    Column(type: "uint", name: "chromStart", comment: "First base, 0-based"),
    Column(type: "uint", name: "chromEnd", comment: "One past the last base"),
    Column(type: "string", name: "name", comment: "Name of the item"),
    Column(type: "uint", name: "score", comment: "Score, 0 to 1000"),
    Column(type: "char[1]", name: "strand", comment: "+ or - or ."),
    Column(type: "uint", name: "thickStart", comment: "First base drawn thick, 0-based"),
    Column(type: "uint", name: "thickEnd", comment: "One past the last base drawn thick"),
    Column(type: "uint", name: "reserved", comment: "Colour: red, green, blue"),
    Column(type: "int", name: "blockCount", comment: "Number of blocks"),
    Column(type: "int[blockCount]", name: "blockSizes", comment: "Bases of each block"),
    Column(type: "int[blockCount]", name: "chromStarts", comment: "Starts of the blocks from chromStart"),
  ]
}
