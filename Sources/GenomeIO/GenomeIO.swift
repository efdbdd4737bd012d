/// Reads what a scan needs to know of a genome: the indexed FASTA, BED and narrowPeak regions, region strings.
///
/// Everything that comes out is a `Genomics` value with 0-based half-open positions.
public enum GenomeIO {}
