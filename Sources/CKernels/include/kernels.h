// The inner loops of tismscan: one table of functions per instruction set, all giving the same bits.
//
// Rules that keep the bits equal (docs/kernels.md): every output element is one chain of explicit fused multiply-adds in a
// fixed order, vector lanes are independent outputs, and nothing is left to floating-point contraction.
#ifndef TISMSCAN_KERNELS_H
#define TISMSCAN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Output channels a panel of packed weights; the unit of packing for every instruction set.
enum { TISMSCAN_PANEL = 16 };

// One call of the convolution kernel, which is also the matrix product (taps = 1).
//
//   y[r, c] = finish(bias[c] + sum over (tap, i) of x[r * x_row_stride + tap * x_tap_stride + i] * w[tap, i, c])
//
// for r in 0..<rows, c in 0..<outputs, with the sum as one chain of fused multiply-adds over (tap, i) in that order, and the
// bias added last. `finish` applies ReLU when `relu`, then adds the old y when `adds`.
typedef struct {
  const float *x;
  ptrdiff_t x_row_stride;  // floats between the first taps of neighbouring rows
  ptrdiff_t x_tap_stride;  // floats between neighbouring taps
  ptrdiff_t taps;
  ptrdiff_t inputs;        // channels read a tap, contiguous
  const float *w;          // [panels][taps][inputs][TISMSCAN_PANEL], 64-byte aligned, zero-padded channels
  ptrdiff_t w_panel_stride;  // floats between panels (larger than taps * inputs * PANEL when only some taps are used)
  const float *bias;       // padded to whole panels, or NULL
  float *y;
  ptrdiff_t y_row_stride;
  ptrdiff_t rows;
  ptrdiff_t outputs;
  bool relu;
  bool adds;
} tismscan_contraction;

// One step of an LSTM or GRU: what `rows` edits of one reference change in its states.
//
// Rows of `product`, `input`, `hidden_change` and `cell_change` follow each other; those of `y` are `y_row_stride` apart.
// G are the gates: 4 (i, o, f, g) of an LSTM, 3 (z, r, n) of a GRU.
typedef struct {
  ptrdiff_t rows;
  ptrdiff_t units;
  // The reference's sums of the gates [G][units], their values [G][units], and then c' and tanh(c') of an LSTM, or, of a GRU,
  // what r multiplies (reset_after) or has multiplied.
  const float *trace;
  // sigmoid(x) of each gate's sums x, then sigmoid(-x), [2][G][units]; of 2 x where the gate is a tanh. An LSTM has c' as a
  // fifth gate.
  const float *sides;
  const float *hidden;  // the reference's states before the step
  const float *cell;    // LSTM
  const float *input;   // [rows][G][units]: what the input's change makes of the sums; NULL for nothing
  float *product;       // [rows][G][units]: the same of the hidden states' change; a GRU's is overwritten
  float *hidden_change;  // [rows][units], in place
  float *cell_change;    // the same of an LSTM's cells
  float *y;              // the new hidden change once more
  ptrdiff_t y_row_stride;
  bool reset_after;  // GRU: r multiplies the product with the state
} tismscan_recurrence;

// Functions of one variable; `a` and `b` are the parameters named.
typedef enum {
  TISMSCAN_RELU = 0,
  TISMSCAN_LEAKY_RELU,    // a: slope below 0
  TISMSCAN_ELU,           // a: alpha, b: gamma (SELU; 1 for ELU)
  TISMSCAN_CELU,          // a: alpha
  TISMSCAN_GELU,          // x * Phi(x), by erf
  TISMSCAN_GELU_TANH,     // the tanh form
  TISMSCAN_SIGMOID,
  TISMSCAN_HARD_SIGMOID,  // clamp(a * x + b, 0, 1)
  TISMSCAN_SWISH,         // x * sigmoid(a * x)
  TISMSCAN_HARD_SWISH,
  TISMSCAN_MISH,
  TISMSCAN_TANH,
  TISMSCAN_SOFTPLUS,
  TISMSCAN_SOFTSIGN,
  TISMSCAN_EXP,
  TISMSCAN_LOG,
  TISMSCAN_SQRT,
  TISMSCAN_RECIPROCAL,
  TISMSCAN_NEGATE,
  TISMSCAN_ABSOLUTE,
  TISMSCAN_ERF,
  TISMSCAN_CLIP,          // a: minimum, b: maximum
} tismscan_function;

typedef struct {
  const char *name;
  void (*contract)(const tismscan_contraction *call);
  // The same sum accumulated in double and rounded once after bias and ReLU (`adds` must be false).
  void (*contract_precisely)(const tismscan_contraction *call);
  // The same for few outputs: `w` is [outputs][taps][inputs] with `w_panel_stride` floats between outputs, and each sum is
  // 16 chains over the inputs, added in a fixed tree.
  void (*contract_narrow)(const tismscan_contraction *call);
  void (*contract_narrow_precisely)(const tismscan_contraction *call);
  // y = f(x); x and y may be the same.
  void (*apply)(tismscan_function f, double a, double b, const float *x, float *y, ptrdiff_t count);
  // dx = dy * f'(x), added to dx when `adds`.
  void (*apply_gradient)(
      tismscan_function f, double a, double b, const float *x, const float *dy, float *dx, ptrdiff_t count, bool adds);
  // y = f(x + d) - f(x), computed in double; ReLU by its own exact form. d and y may be the same.
  void (*apply_difference)(
      tismscan_function f, double a, double b, const float *x, const float *d, float *y, ptrdiff_t count);
  // y = a + b
  void (*add)(const float *a, const float *b, float *y, ptrdiff_t count);
  // y = a * y + b * x
  void (*combine)(float a, float *y, float b, const float *x, ptrdiff_t count);
  // y[c, r] = x[r, c]; rows of x are `x_stride` floats apart, those of y `y_stride`.
  void (*transpose)(
      const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t columns, float *y, ptrdiff_t y_stride);
  // dy = y > 0 ? dy : 0
  void (*mask_relu)(const float *y, float *dy, ptrdiff_t count);
  // y[r, c] = scale[c] * x[r, c] + shift[c]; shift may be NULL.
  void (*scale_shift)(
      const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t channels, bool adds);
  // Largest of `window` rows that are `stride` floats apart, per channel; NaN wins.
  void (*max_rows)(const float *x, ptrdiff_t stride, ptrdiff_t window, float *y, ptrdiff_t channels);
  // y = max over the window of (x - top) + d: what the largest of x + d has over `top`, the largest of x.
  void (*max_rows_difference)(
      const float *x, ptrdiff_t x_stride, const float *d, ptrdiff_t d_stride, ptrdiff_t window, const float *top, float *y,
      ptrdiff_t channels);
  // Adds dy to the row of dx whose x is the first largest one of the window (or NaN), per channel.
  void (*max_rows_gradient)(
      const float *x, ptrdiff_t stride, ptrdiff_t window, const float *dy, float *dx, ptrdiff_t channels);
  // y = softmax(scale * x) of one row, scale > 0; x and y may be the same. Powers are rounded to float before they are
  // divided by their sum; `precisely` rounds once (x and y must differ).
  void (*softmax_row)(const float *x, float *y, ptrdiff_t count, double scale);
  void (*softmax_row_precisely)(const float *x, float *y, ptrdiff_t count, double scale);
  // dx = y * (dy - sum(y * dy)); dy and dx may be the same.
  void (*softmax_row_gradient)(const float *y, const float *dy, float *dx, ptrdiff_t count, bool adds);
  // y = softmax(x + scale * d) - p with p = softmax(x), every rounding relative to the change; false, with y undefined, when
  // the old shares say nothing of the new ones: an entry of scale * d above 30 or NaN, or the largest shares gone.
  bool (*share_changes)(const float *p, const float *d, float *y, ptrdiff_t count, double scale);
  // y = softmax(x + d) - softmax(x), computed in double.
  void (*softmax_row_difference)(const float *x, const float *d, float *y, ptrdiff_t count);
  // The sum of one row, in double.
  double (*sum_row)(const float *x, ptrdiff_t count);
  // y = (x - mean) / sqrt(variance + epsilon) * scale + shift of one row.
  void (*normalize_row)(
      const float *x, const float *scale, const float *shift, double epsilon, float *y, ptrdiff_t count);
  void (*normalize_row_gradient)(
      const float *x, const float *scale, double epsilon, const float *dy, float *dx, ptrdiff_t count, bool adds);
  // y = what the normalised row gains when x gains d.
  void (*normalize_row_difference)(
      const float *x, const float *d, const float *scale, double epsilon, float *y, ptrdiff_t count);
  // The changes of an LSTM's states. Gates by formulas in float that do not cancel, wherever neither side is minute.
  void (*lstm_difference)(const tismscan_recurrence *call);
  // The first half of a GRU's step: the change of z in place of its product's, and in place of n's that of n's sums
  // (reset_after) or of r * h, whose product with the weights is then due there.
  void (*gru_gates_difference)(const tismscan_recurrence *call);
  // The second half, from the changes of z and of n's sums.
  void (*gru_difference)(const tismscan_recurrence *call);
} tismscan_kernels;

// Tables that this processor can run, best first; the last is always the portable one.
ptrdiff_t tismscan_supported_count(void);
const tismscan_kernels *tismscan_supported(ptrdiff_t index);

#endif
