/// A whole scan: manifest, shards, scanning, resuming, merging into tracks, and the run record.
public enum ScanPipeline {}
