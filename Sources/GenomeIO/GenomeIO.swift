/// Reads what a scan needs to know of a genome: the indexed FASTA, BED and narrowPeak regions, region strings.
///
/// ``ReferenceReader`` gives contigs and bases, ``RegionFile`` the regions of a file, ``RegionString`` the region that a
/// person typed, ``FileDigest`` the MD5 of a file. Everything that comes out is a `Genomics` value with 0-based half-open
/// positions. Nothing here builds an index or writes a file.
public enum GenomeIO {}
