/// Coordinates, contigs, regions, bases and substitutions as plain values: no input or output, no networks.
///
/// Start from ``Interval``. Every position in this package is 0-based and every interval half-open, as in BED; other
/// conventions exist only inside the readers and parsers that convert them.
public enum Genomics {}
