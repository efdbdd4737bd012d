/// Calls and comparisons on per-base predictions.
public enum Annotation {}
