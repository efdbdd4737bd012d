/// Writes ordered per-base values as bedGraph, bigWig and npz, all or nothing: a file has its final name only when it is
/// complete.
public enum TrackIO {}
