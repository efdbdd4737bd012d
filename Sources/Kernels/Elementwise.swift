internal import CKernels

/// A function of one variable with its parameters; the derivative at a kink is the one PyTorch takes.
public enum UnaryFunction: Hashable, Sendable {
  case relu
  case leakyRelu(slope: Double)
  case elu(alpha: Double)
  case selu(alpha: Double, gamma: Double)
  case celu(alpha: Double)
  /// `x * Phi(x)` by the error function.
  case gelu
  /// The tanh form of GELU.
  case geluTanh
  case sigmoid
  /// `clamp(alpha * x + beta, 0, 1)`
  case hardSigmoid(alpha: Double, beta: Double)
  case hardSwish
  /// `x * sigmoid(alpha * x)`; SiLU with alpha 1.
  case swish(alpha: Double)
  case mish
  case tanh
  case softplus
  case softsign
  case exp
  case log
  case sqrt
  case reciprocal
  case negate
  case absolute
  case erf
  case clip(minimum: Double, maximum: Double)

  /// The kernel's number of the function and its two parameters.
  var kernel: (function: tismscan_function, a: Double, b: Double) {
    switch self {
    case .relu: (TISMSCAN_RELU, 0, 0)
    case .leakyRelu(let slope): (TISMSCAN_LEAKY_RELU, slope, 0)
    case .elu(let alpha): (TISMSCAN_ELU, alpha, 1)
    case .selu(let alpha, let gamma): (TISMSCAN_ELU, alpha, gamma)
    case .celu(let alpha): (TISMSCAN_CELU, alpha, 0)
    case .gelu: (TISMSCAN_GELU, 0, 0)
    case .geluTanh: (TISMSCAN_GELU_TANH, 0, 0)
    case .sigmoid: (TISMSCAN_SIGMOID, 0, 0)
    case .hardSigmoid(let alpha, let beta): (TISMSCAN_HARD_SIGMOID, alpha, beta)
    case .hardSwish: (TISMSCAN_HARD_SWISH, 0, 0)
    case .swish(let alpha): (TISMSCAN_SWISH, alpha, 0)
    case .mish: (TISMSCAN_MISH, 0, 0)
    case .tanh: (TISMSCAN_TANH, 0, 0)
    case .softplus: (TISMSCAN_SOFTPLUS, 0, 0)
    case .softsign: (TISMSCAN_SOFTSIGN, 0, 0)
    case .exp: (TISMSCAN_EXP, 0, 0)
    case .log: (TISMSCAN_LOG, 0, 0)
    case .sqrt: (TISMSCAN_SQRT, 0, 0)
    case .reciprocal: (TISMSCAN_RECIPROCAL, 0, 0)
    case .negate: (TISMSCAN_NEGATE, 0, 0)
    case .absolute: (TISMSCAN_ABSOLUTE, 0, 0)
    case .erf: (TISMSCAN_ERF, 0, 0)
    case .clip(let minimum, let maximum): (TISMSCAN_CLIP, minimum, maximum)
    }
  }
}

extension KernelSet {
  /// `y[i] = f(x[i])`, each computed in float64 and rounded once. `x` and `y` may be the same memory.
  public func apply(
    _ f: UnaryFunction, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    let kernel = f.kernel
    table.apply(kernel.function, kernel.a, kernel.b, x, y, count)
  }

  /// `dx[i] = dy[i] * f'(x[i])`, added to `dx` when `adds`.
  public func applyGradient(
    _ f: UnaryFunction, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>,
    count: Int, adds: Bool
  ) {
    let kernel = f.kernel
    table.apply_gradient(kernel.function, kernel.a, kernel.b, x, dy, dx, count, adds)
  }

  /// `y[i] = f(x[i] + d[i]) - f(x[i])` without cancellation. `d` and `y` may be the same memory.
  public func applyDifference(
    _ f: UnaryFunction, _ x: UnsafePointer<Float>, _ d: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    let kernel = f.kernel
    table.apply_difference(kernel.function, kernel.a, kernel.b, x, d, y, count)
  }

  /// What the largest of `x + d` over a window of rows has over `top`, the largest of `x`, per channel.
  public func maxRowsDifference(
    _ x: UnsafePointer<Float>, stride: Int, _ d: UnsafePointer<Float>, differenceStride: Int, window: Int,
    top: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, channels: Int
  ) {
    precondition(window > 0)
    table.max_rows_difference(x, stride, d, differenceStride, window, top, y, channels)
  }

  /// `y = a + b`, elementwise; `y` may be `a` or `b`.
  public func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) { table.add(a, b, y, count) }

  /// `y = a * y + b * x`, the product with `b` and the sum rounded once.
  public func combine(
    _ a: Float, _ y: UnsafeMutablePointer<Float>, _ b: Float, _ x: UnsafePointer<Float>, count: Int
  ) { table.combine(a, y, b, x, count) }

  /// `y[c, r] = x[r, c]`, where the rows of `x` and of `y` are `xStride` and `yStride` floats apart.
  public func transpose(
    _ x: UnsafePointer<Float>, xStride: Int, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>, yStride: Int
  ) { table.transpose(x, xStride, rows, columns, y, yStride) }

  /// Clears the gradient wherever ReLU gave 0.
  public func maskRelu(output y: UnsafePointer<Float>, gradient dy: UnsafeMutablePointer<Float>, count: Int) {
    table.mask_relu(y, dy, count)
  }

  /// `y[r, c] = scale[c] * x[r, c] + shift[c]` over contiguous rows of channels; with `adds`, `y += scale * x`.
  public func scaleShift(
    _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Float>, rows: Int, channels: Int, adds: Bool = false
  ) { table.scale_shift(x, scale, shift, y, rows, channels, adds) }

  /// The largest of `window` rows that lie `stride` floats apart, per channel; NaN wins.
  public func maxRows(
    _ x: UnsafePointer<Float>, stride: Int, window: Int, into y: UnsafeMutablePointer<Float>, channels: Int
  ) {
    precondition(window > 0)
    table.max_rows(x, stride, window, y, channels)
  }

  /// Adds `dy` to the first row of the window that holds the largest value, per channel.
  public func maxRowsGradient(
    _ x: UnsafePointer<Float>, stride: Int, window: Int, _ dy: UnsafePointer<Float>,
    into dx: UnsafeMutablePointer<Float>, channels: Int
  ) {
    precondition(window > 0)
    table.max_rows_gradient(x, stride, window, dy, dx, channels)
  }
}
