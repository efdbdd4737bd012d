/// Takes the per-base values of one track in track order and writes them to one file, all or nothing.
///
/// A writer is opened with the contigs of the genome in ``Genomics/Contig/trackOrder(_:_:)``; `contig` is an index into them.
/// Calls arrive by ascending contig and position and do not overlap; runs that touch are one run, however they were cut.
/// After an error the file is discarded and every further call throws ``TrackError/discarded(path:)``.
public protocol TrackWriter: ~Copyable {
  /// Adds values of consecutive bases.
  ///
  /// - Parameters:
  ///   - contig: index of the contig.
  ///   - start: position of the first value, 0-based.
  ///   - values: one value a base; NaN is a base without a value, an infinity is an error.
  mutating func append(contig: Int, start: Int, values: Span<Float>) throws(TrackError)

  /// Completes the file and gives it its name.
  consuming func finish() throws(TrackError)
}

extension TrackWriter where Self: ~Copyable {
  /// Adds values of consecutive bases.
  public mutating func append(contig: Int, start: Int, values: [Float]) throws(TrackError) {
    try append(contig: contig, start: start, values: values.span)
  }
}
