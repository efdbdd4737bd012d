/// One file an operator: shapes, the plain float64 evaluation, and the float32 forward and vector-Jacobian product.
public enum Operators {}
