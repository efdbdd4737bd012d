/// A whole scan: manifest, shards, scanning, resuming, merging into tracks, and the run record.
///
/// ``ScanRequest`` says what is wanted; ``Scan`` settles it against model and genome, plans it into a run folder and brings
/// that folder to completion, starting from whatever is there. The same in pieces, on any machines in any order: ``PlanRun``,
/// ``ShardScan``, ``ShardMerge``; ``RunStatus`` says how far they are. ``ScoreRun`` scores sequences of the model's length into an
/// npz, ``ModelReport`` describes a model. Everything a value depends on is in the ``Manifest``.
public enum ScanPipeline {}
