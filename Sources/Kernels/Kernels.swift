/// Picks the instruction set once and offers every inner loop of `CKernels` as a checked Swift call.
public enum Kernels {}
