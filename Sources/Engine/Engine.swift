/// Compiles a `Graph` for this machine and runs it: forward and vector-Jacobian product.
public enum Engine {}
