// The matrix product with overlapping rows, in both accumulations: channels that do not fill a vector or a panel, rows that
// do not fill a tile, strides, dilations, part of the taps, bias, ReLU and adding.
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 240 };

typedef void (*contraction_kernel)(const tismscan_contraction *call);

static ptrdiff_t one_of(generator *g, const ptrdiff_t *choices, size_t count) {
  return choices[next_bits(g) % count];
}
#define ONE_OF(g, ...) \
  one_of(g, (const ptrdiff_t[]){__VA_ARGS__}, sizeof((const ptrdiff_t[]){__VA_ARGS__}) / sizeof(ptrdiff_t))

static void contract_case(
    const char *table, const char *kernel, contraction_kernel contract, uint64_t number_of_case, bool may_add,
    bool narrow) {
  generator g = {.state = 0xC0DE + number_of_case};
  ptrdiff_t inputs = ONE_OF(&g, 1, 2, 3, 4, 5, 7, 16, 33);
  ptrdiff_t outputs = ONE_OF(&g, 1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 128, 130);
  if (narrow) {
    outputs = outputs % 8 + 1;
    inputs = ONE_OF(&g, 1, 5, 16, 17, 33, 64, 100);
  }
  const ptrdiff_t taps = ONE_OF(&g, 1, 1, 2, 3, 5, 8);
  const ptrdiff_t rows = ONE_OF(&g, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 19, 25);
  const ptrdiff_t x_stride = inputs + whole(&g, 0, 1) * whole(&g, 0, 3), stride = whole(&g, 1, 3), dilation = whole(&g, 1, 4);
  const ptrdiff_t unused = ONE_OF(&g, 0, 0, 1, 3);  // inputs of the packed weights that do not take part
  const ptrdiff_t y_stride = outputs + ONE_OF(&g, 0, 1, 5);
  const bool biased = coin(&g), relu = coin(&g), adds = coin(&g) && may_add;
  const spread values = number_of_case % 8 == 7 ? WIDE : PLAIN;

  // x is poison wherever no row reads, and so are weights that do not take part: one stray read makes a NaN.
  buffer x = poisoned(((rows - 1) * stride + (taps - 1) * dilation) * x_stride + inputs);
  for (ptrdiff_t r = 0; r < rows; r++) {
    for (ptrdiff_t k = 0; k < taps; k++) {
      for (ptrdiff_t i = 0; i < inputs; i++) {
        const ptrdiff_t index = (r * stride + k * dilation) * x_stride + i;
        if (is_poison(x, index)) x.data[index] = number(&g, values);
      }
    }
  }
  // Panels of 16 outputs, or one after the other.
  const ptrdiff_t panel = narrow ? 1 : TISMSCAN_PANEL, panels = (outputs + panel - 1) / panel;
  const ptrdiff_t panel_stride = (taps * inputs + unused) * panel;
  buffer w = poisoned(panels * panel_stride), bias = poisoned(panels * panel);
  for (ptrdiff_t c = 0; c < panels * panel; c++) {
    float *first = w.data + c / panel * panel_stride + c % panel;
    for (ptrdiff_t i = 0; i < taps * inputs; i++) first[i * panel] = c < outputs ? number(&g, values) : 0;
    bias.data[c] = c < outputs ? number(&g, values) : 0;
  }
  buffer y = poisoned((rows - 1) * y_stride + outputs);
  bool *written = calloc((size_t)y.count, sizeof(bool));
  for (ptrdiff_t r = 0; r < rows; r++) {
    for (ptrdiff_t c = 0; c < outputs; c++) {
      written[r * y_stride + c] = true;
      if (adds) y.data[r * y_stride + c] = number(&g, values);
    }
  }

  contract(&(tismscan_contraction){
      .x = x.data, .x_row_stride = stride * x_stride, .x_tap_stride = dilation * x_stride, .taps = taps, .inputs = inputs,
      .w = w.data, .w_panel_stride = panel_stride, .bias = biased ? bias.data : NULL, .y = y.data, .y_row_stride = y_stride,
      .rows = rows, .outputs = outputs, .relu = relu, .adds = adds});

  label l = {.table = table, .kernel = kernel};
  snprintf(
      l.name, sizeof l.name, "%td->%td k%td rows%td stride%td dilation%td apart%td%s%s%s%s seed%llu", inputs, outputs, taps,
      rows, stride, dilation, y_stride, biased ? " bias" : "", relu ? " relu" : "", adds ? " adds" : "",
      values == WIDE ? " wide" : "", (unsigned long long)number_of_case);
  finish(&l, y, written, values == PLAIN);
  free(written);
  release(x), release(w), release(bias), release(y);
}

void contract_cases(const tismscan_kernels *table) {
  for (uint64_t i = 0; i < CASES; i++) {
    contract_case(table->name, "contract", table->contract, i, true, false);
    contract_case(table->name, "contract_precisely", table->contract_precisely, i, false, false);
    contract_case(table->name, "contract_narrow", table->contract_narrow, i, true, true);
    contract_case(table->name, "contract_narrow_precisely", table->contract_narrow_precisely, i, false, true);
  }
}
