extension Contig {
  /// The order of contigs in every track: names compared byte by byte, as `LC_ALL=C sort` does and bigWig demands.
  public static func trackOrder(_ left: Contig, _ right: Contig) -> Bool {
    left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }
}

extension Sequence<Contig> {
  /// The contigs in ``Contig/trackOrder(_:_:)``.
  public func inTrackOrder() -> [Contig] { sorted(by: Contig.trackOrder) }
}
