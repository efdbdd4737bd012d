/// Calls and comparisons on per-base predictions. ``SiteCaller`` turns a prediction track into called sites.
public enum Annotation {}
