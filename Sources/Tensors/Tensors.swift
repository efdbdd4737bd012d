/// Shapes and float storage: constants shared between threads, and scratch owned by one task.
///
/// ``Shape`` names the axes' lengths, ``ConstantTensor`` holds a value known when a model is loaded (a weight, or the
/// result of shape arithmetic), ``AlignedFloats`` is immutable storage that kernels read, ``FloatScratch`` is memory that
/// one task owns and writes, ``TensorView`` and ``MutableTensorView`` are windows on either for the length of one call.
public enum Tensors {}
