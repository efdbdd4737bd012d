/// Compiles a `Graph` for this machine and runs it.
///
/// A ``Program`` is the compiled graph: packed weights and a memory plan, immutable and shared. A ``Session`` owns the
/// memory of one task and runs the program: `forward`, then `gradient` as often as there are targets. The engine knows
/// nothing of genomes: sequences come as one-hot floats of shape `[batch, length, 4]`.
public enum Engine {}
