/// Where genomes and networks meet: score targets, substitutions, saturation mutagenesis (ISM), its first-order
/// approximation (TISM), and their reductions.
///
/// A ``Network`` makes graphs of any batch and length. For models with one set of outputs a window, a ``ScoreTarget`` is
/// resolved against the outputs and scored by ``WindowISM`` or ``WindowTISM``; for models with one output a base a
/// ``PositionModel`` is scored along a strand by ``StretchScorer``. Both give ``SubstitutionScores``, which a
/// ``Reduction`` turns into one number a base. Nothing here reads or writes files, prints, or knows how many threads run.
public enum Attribution {}
