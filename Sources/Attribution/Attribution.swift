/// Where genomes and networks meet: score targets, substitutions, saturation mutagenesis (ISM), its first-order
/// approximation (TISM), and their reductions.
public enum Attribution {}
