/// The one doorkeeper of htslib: FASTA index, BGZF and tabix as safe Swift handles.
///
/// No htslib type is in a public signature; a handle cannot be copied and closes itself.
public enum HTS {}
