// One step of LSTM and GRU layers: units that fill no vector, with and without a changed input, gates that are nearly or
// wholly shut, changes of every size.
#include "cases.h"

#include <stdio.h>

static buffer scaled(generator *g, ptrdiff_t count, float scale) {
  buffer b = filled(g, count, PLAIN);
  for (ptrdiff_t i = 0; i < count; i++) b.data[i] *= scale;
  return b;
}

static void step_case(
    const tismscan_kernels *table, ptrdiff_t rows, ptrdiff_t units, bool has_input, float reach, float size) {
  generator g = {.state = 0x157 + (uint64_t)(units * 100 + rows)};
  for (int kind = 0; kind < 3; kind++) {  // LSTM, GRU with the reset behind the product, and before it
    const ptrdiff_t gates = kind == 0 ? 4 : 3, sides = kind == 0 ? 5 : 3, squashed = kind == 0 ? 3 : 2;
    buffer trace = scaled(&g, 10 * units, reach), both = poisoned(2 * sides * units);
    for (ptrdiff_t i = 0; i < sides * units; i++) {
      const float *from = i < gates * units ? trace.data + i : trace.data + 4 * units + i;
      both.data[i] = i < squashed * units ? *from : 2 * *from;
      both.data[sides * units + i] = -both.data[i];
    }
    table->apply(TISMSCAN_SIGMOID, 0, 0, both.data, both.data, 2 * sides * units);
    table->apply(TISMSCAN_SIGMOID, 0, 0, trace.data, trace.data + gates * units, squashed * units);
    buffer states = filled(&g, 2 * units, PLAIN), input = scaled(&g, rows * gates * units, size);
    buffer product = scaled(&g, rows * gates * units, size), hidden = scaled(&g, rows * units, size);
    buffer cells = scaled(&g, rows * units, size), y = poisoned(rows * units);
    const tismscan_recurrence call = {
        .rows = rows, .units = units, .trace = trace.data, .sides = both.data, .hidden = states.data,
        .cell = states.data + units, .input = has_input ? input.data : NULL, .product = product.data,
        .hidden_change = hidden.data, .cell_change = cells.data, .y = y.data, .y_row_stride = units,
        .reset_after = kind == 1};
    const struct { const char *kernel, *part; buffer changes; } parts[] = {
        {kind == 0 ? "lstm_difference" : "gru_gates_difference", kind == 0 ? "cells" : "gates", kind == 0 ? cells : product},
        {kind == 0 ? "lstm_difference" : "gru_difference", "state", hidden},
        {kind == 0 ? "lstm_difference" : "gru_difference", "output", y}};
    if (kind == 0) {
      table->lstm_difference(&call);
    } else {
      table->gru_gates_difference(&call);
      table->gru_difference(&call);
    }
    for (int part = 0; part < 3; part++) {
      label l = {.table = table->name, .kernel = parts[part].kernel};
      snprintf(
          l.name, sizeof l.name, "%s, %td rows of %td%s%s reach %g changes %g", parts[part].part, rows, units,
          has_input ? " input" : "", kind == 1 ? " reset after" : "", (double)reach, (double)size);
      finish(&l, parts[part].changes, NULL, true);
    }
    release(trace), release(both), release(states), release(input), release(product), release(hidden), release(cells),
        release(y);
  }
}

void recurrent_cases(const tismscan_kernels *table) {
  const ptrdiff_t units[] = {1, 5, 8, 16, 19, 64};
  for (int i = 0; i < 6; i++) {
    for (int form = 0; form < 8; form++) {
      step_case(table, 1 + i, units[i], form & 1, form & 2 ? 200.0f : 3.0f, form & 4 ? 250.0f : 0.01f);
    }
  }
}
