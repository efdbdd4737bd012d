/// Writes ordered per-base values as bedGraph, bigWig and npz, all or nothing: a file has its final name only when it is
/// complete.
///
/// ``BigWigWriter`` and ``BedGraphWriter`` are ``TrackWriter``s: they take runs of values in track order, where NaN is a base
/// without a value. ``BEDWriter`` takes records, ``NPZWriter`` arrays, ``ChromSizes`` contigs; ``NumPyFile`` reads arrays
/// back. All of them write through ``AtomicFile``, which other modules may use for files of their own.
public enum TrackIO {}
