// Sums, masks, scales, maxima and transposes of rows of channels: channels that do not fill a vector, ties, zeros of both signs,
// infinities and NaN.
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Values of which many are equal, so that the first of several largest ones matters.
static buffer tied(generator *g, ptrdiff_t count) {
  buffer b = filled(g, count, WIDE);
  for (ptrdiff_t i = 0; i < count; i++) {
    if (next_bits(g) % 4) b.data[i] = (float)whole(g, -2, 2);
  }
  return b;
}

static void elementwise(const tismscan_kernels *table, ptrdiff_t count) {
  generator g = {.state = 0xADD + (uint64_t)count};
  buffer a = filled(&g, count, WIDE), b = filled(&g, count, PLAIN), y = poisoned(count);
  label l = {.table = table->name, .kernel = "add"};
  snprintf(l.name, sizeof l.name, "%td", count);
  table->add(a.data, b.data, y.data, count);
  finish(&l, y, NULL, false);
  snprintf(l.name, sizeof l.name, "%td in place", count);
  memcpy(y.data, b.data, (size_t)count * sizeof(float));
  table->add(a.data, y.data, y.data, count);
  finish(&l, y, NULL, false);

  l.kernel = "combine";
  snprintf(l.name, sizeof l.name, "%td", count);
  memcpy(y.data, b.data, (size_t)count * sizeof(float));
  table->combine(0.7f, y.data, -1.3f, a.data, count);
  finish(&l, y, NULL, false);

  l.kernel = "mask_relu";
  snprintf(l.name, sizeof l.name, "%td", count);
  table->mask_relu(a.data, b.data, count);
  finish(&l, b, NULL, false);
  release(a), release(b), release(y);
}

static void scales(const tismscan_kernels *table, ptrdiff_t rows, ptrdiff_t channels, spread values) {
  generator g = {.state = 0x5CA1E + (uint64_t)(rows * 1000 + channels)};
  buffer x = filled(&g, rows * channels, values);
  buffer scale = filled(&g, channels, values), shift = filled(&g, channels, values);
  for (int form = 0; form < 3; form++) {
    const bool adds = form == 2;
    buffer y = adds ? filled(&g, rows * channels, values) : poisoned(rows * channels);
    label l = {.table = table->name, .kernel = "scale_shift"};
    snprintf(
        l.name, sizeof l.name, "%td rows of %td%s%s", rows, channels, (const char *[]){" scale", " shift", " adds"}[form],
        values == WIDE ? " wide" : "");
    table->scale_shift(x.data, scale.data, form == 1 ? shift.data : NULL, y.data, rows, channels, adds);
    finish(&l, y, NULL, values == PLAIN);
    release(y);
  }
  release(x), release(scale), release(shift);
}

static void transposes(const tismscan_kernels *table, ptrdiff_t rows, ptrdiff_t columns) {
  generator g = {.state = 0x7245 + (uint64_t)(rows * 1000 + columns)};
  const ptrdiff_t x_stride = columns + whole(&g, 0, 5), y_stride = rows + whole(&g, 0, 5);
  buffer x = filled(&g, (rows - 1) * x_stride + columns, WIDE), y = poisoned((columns - 1) * y_stride + rows);
  label l = {.table = table->name, .kernel = "transpose"};
  snprintf(l.name, sizeof l.name, "%td rows of %td, %td and %td apart", rows, columns, x_stride, y_stride);
  table->transpose(x.data, x_stride, rows, columns, y.data, y_stride);
  bool *written = calloc((size_t)y.count, sizeof(bool));
  for (ptrdiff_t c = 0; c < columns; c++) {
    for (ptrdiff_t r = 0; r < rows; r++) written[c * y_stride + r] = true;
  }
  finish(&l, y, written, false);
  free(written);
  release(x), release(y);
}

static void maxima(const tismscan_kernels *table, ptrdiff_t window, ptrdiff_t channels) {
  generator g = {.state = 0x3A4 + (uint64_t)(window * 1000 + channels)};
  const ptrdiff_t stride = channels + whole(&g, 0, 3), d_stride = channels + whole(&g, 0, 3);
  buffer x = tied(&g, (window - 1) * stride + channels), d = tied(&g, (window - 1) * d_stride + channels);
  buffer y = poisoned(channels), change = poisoned(channels), dy = filled(&g, channels, PLAIN);
  buffer dx = filled(&g, (window - 1) * stride + channels, PLAIN);
  label l = {.table = table->name, .kernel = "max_rows"};
  snprintf(l.name, sizeof l.name, "%td rows of %td, %td apart", window, channels, stride);

  table->max_rows(x.data, stride, window, y.data, channels);
  finish(&l, y, NULL, false);
  l.kernel = "max_rows_difference";
  table->max_rows_difference(x.data, stride, d.data, d_stride, window, y.data, change.data, channels);
  finish(&l, change, NULL, false);
  l.kernel = "max_rows_gradient";
  table->max_rows_gradient(x.data, stride, window, dy.data, dx.data, channels);
  finish(&l, dx, NULL, true);
  release(x), release(d), release(y), release(change), release(dy), release(dx);
}

static void rows_of_one(const tismscan_kernels *table, ptrdiff_t count) {
  generator g = {.state = 0x50F7 + (uint64_t)count};
  buffer x = filled(&g, count, PLAIN), d = filled(&g, count, PLAIN), y = poisoned(count), dx = poisoned(count);
  buffer scale = filled(&g, count, PLAIN), shift = filled(&g, count, PLAIN);
  for (ptrdiff_t i = 0; i < count; i++) x.data[i] *= 50;
  label l = {.table = table->name, .kernel = "softmax_row"};
  snprintf(l.name, sizeof l.name, "%td", count);
  table->softmax_row(x.data, y.data, count, 0.75);
  finish(&l, y, NULL, true);
  // The shares' changes of a small move, and of one that they say nothing about.
  for (int size = 0; size < 2; size++) {
    buffer move = filled(&g, count, PLAIN), change = poisoned(count);
    for (ptrdiff_t i = 0; i < count; i++) move.data[i] *= size == 0 ? 0.3f : 60;
    const bool done = table->share_changes(y.data, move.data, change.data, count, 1.25);
    label c = {.table = table->name, .kernel = "share_changes"};
    snprintf(c.name, sizeof c.name, "%td %s %s", count, size == 0 ? "small" : "large", done ? "done" : "refused");
    if (done) finish(&c, change, NULL, true);
    release(move), release(change);
  }
  l.kernel = "softmax_row_gradient";
  table->softmax_row_gradient(y.data, d.data, dx.data, count, false);
  finish(&l, dx, NULL, true);
  snprintf(l.name, sizeof l.name, "%td adds", count);
  table->softmax_row_gradient(y.data, d.data, dx.data, count, true);
  finish(&l, dx, NULL, true);
  snprintf(l.name, sizeof l.name, "%td", count);
  l.kernel = "softmax_row_precisely";
  table->softmax_row_precisely(x.data, y.data, count, 0.75);
  finish(&l, y, NULL, true);
  l.kernel = "softmax_row_difference";
  table->softmax_row_difference(x.data, d.data, y.data, count);
  finish(&l, y, NULL, true);
  snprintf(l.name, sizeof l.name, "%td large", count);
  table->softmax_row_difference(d.data, x.data, y.data, count);
  finish(&l, y, NULL, true);
  snprintf(l.name, sizeof l.name, "%td", count);
  l.kernel = "sum_row";
  // Sizes so far apart that doubles round: otherwise every order of the sum would give the same.
  buffer apart = filled(&g, count, PLAIN), parts = poisoned(3);
  for (ptrdiff_t i = 0; i < count; i++) apart.data[i] *= (float)(1LL << i * 13 % 61);
  double left = table->sum_row(apart.data, count);
  for (int part = 0; part < 3; part++) {
    parts.data[part] = (float)left;
    left -= (double)parts.data[part];
  }
  finish(&l, parts, NULL, true);
  release(apart), release(parts);
  l.kernel = "normalize_row";
  table->normalize_row(x.data, scale.data, shift.data, 1e-5, y.data, count);
  finish(&l, y, NULL, true);
  l.kernel = "normalize_row_gradient";
  table->normalize_row_gradient(x.data, scale.data, 1e-5, d.data, dx.data, count, false);
  finish(&l, dx, NULL, true);
  snprintf(l.name, sizeof l.name, "%td adds", count);
  table->normalize_row_gradient(x.data, scale.data, 1e-5, d.data, dx.data, count, true);
  finish(&l, dx, NULL, true);
  snprintf(l.name, sizeof l.name, "%td", count);
  l.kernel = "normalize_row_difference";
  table->normalize_row_difference(x.data, d.data, scale.data, 1e-5, y.data, count);
  finish(&l, y, NULL, true);
  release(x), release(d), release(y), release(dx), release(scale), release(shift);
}

void row_cases(const tismscan_kernels *table) {
  static const ptrdiff_t counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 127, 301};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    elementwise(table, counts[i]);
    rows_of_one(table, counts[i]);
    scales(table, 1, counts[i], PLAIN);
    scales(table, 5, counts[i], PLAIN);
    scales(table, 3, counts[i], WIDE);
    for (ptrdiff_t rows = 1; rows <= 17; rows += 4) transposes(table, rows, counts[i]);
    transposes(table, 16, counts[i]);
    for (ptrdiff_t window = 1; window <= 6; window++) maxima(table, window, counts[i]);
  }
}
