/// Writes ordered per-base values as bedGraph, bigWig and npz, and rows as BED and bigBed, all or nothing: a file has its final name only when it is
/// complete.
///
/// ``BigWigWriter`` and ``BedGraphWriter`` are ``TrackWriter``s: they take runs of values in track order, where NaN is a base
/// without a value. ``BEDWriter`` and ``BigBedWriter`` take records, ``NPZWriter`` arrays, ``ChromSizes`` contigs; ``NumPyFile`` reads arrays
/// back. All of them write through ``AtomicFile``, which other modules may use for files of their own.
public enum TrackIO {}
