// Every function of one variable: values, slopes and differences over every size of argument, zeros, infinities and NaN.
#include "cases.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  tismscan_function f;
  const char *name;
  double a, b;
} function;

static const function functions[] = {
    {TISMSCAN_RELU, "relu", 0, 0},
    {TISMSCAN_LEAKY_RELU, "leaky_relu", 0.125, 0},
    {TISMSCAN_ELU, "elu", 0.75, 1},
    {TISMSCAN_ELU, "selu", 1.67326319217681884765625, 1.05070102214813232421875},
    {TISMSCAN_CELU, "celu", 1.5, 0},
    {TISMSCAN_GELU, "gelu", 0, 0},
    {TISMSCAN_GELU_TANH, "gelu_tanh", 0, 0},
    {TISMSCAN_SIGMOID, "sigmoid", 0, 0},
    {TISMSCAN_HARD_SIGMOID, "hard_sigmoid", 0.2, 0.5},
    {TISMSCAN_SWISH, "swish", 1.25, 0},
    {TISMSCAN_HARD_SWISH, "hard_swish", 0, 0},
    {TISMSCAN_MISH, "mish", 0, 0},
    {TISMSCAN_TANH, "tanh", 0, 0},
    {TISMSCAN_SOFTPLUS, "softplus", 0, 0},
    {TISMSCAN_SOFTSIGN, "softsign", 0, 0},
    {TISMSCAN_EXP, "exp", 0, 0},
    {TISMSCAN_LOG, "log", 0, 0},
    {TISMSCAN_SQRT, "sqrt", 0, 0},
    {TISMSCAN_RECIPROCAL, "reciprocal", 0, 0},
    {TISMSCAN_NEGATE, "negate", 0, 0},
    {TISMSCAN_ABSOLUTE, "absolute", 0, 0},
    {TISMSCAN_ERF, "erf", 0, 0},
    {TISMSCAN_CLIP, "clip", -0.5, 2},
};

// Arguments of every size, and as many of the sizes that activations have.
static buffer arguments(generator *g, ptrdiff_t count) {
  buffer x = filled(g, count, WIDE);
  for (ptrdiff_t i = 0; i < count; i += 2) x.data[i] = 8 * number(g, PLAIN);
  return x;
}

static void cases_of(const tismscan_kernels *table, const function *f, ptrdiff_t count) {
  generator g = {.state = 0xF0 + (uint64_t)count};
  buffer x = arguments(&g, count), d = arguments(&g, count);
  label l = {.table = table->name};

  buffer y = poisoned(count);
  l.kernel = "apply";
  snprintf(l.name, sizeof l.name, "%s of %td", f->name, count);
  table->apply(f->f, f->a, f->b, x.data, y.data, count);
  finish(&l, y, NULL, false);
  snprintf(l.name, sizeof l.name, "%s of %td in place", f->name, count);
  memcpy(y.data, x.data, (size_t)count * sizeof(float));
  table->apply(f->f, f->a, f->b, y.data, y.data, count);
  finish(&l, y, NULL, false);

  l.kernel = "apply_gradient";
  for (int adds = 0; adds < 2; adds++) {
    buffer dx = adds ? arguments(&g, count) : poisoned(count);
    snprintf(l.name, sizeof l.name, "%s of %td%s", f->name, count, adds ? " adds" : "");
    table->apply_gradient(f->f, f->a, f->b, x.data, d.data, dx.data, count, adds);
    finish(&l, dx, NULL, false);
    release(dx);
  }

  l.kernel = "apply_difference";
  snprintf(l.name, sizeof l.name, "%s of %td in place", f->name, count);
  table->apply_difference(f->f, f->a, f->b, x.data, d.data, d.data, count);
  finish(&l, d, NULL, false);
  release(x), release(d), release(y);
}

void function_cases(const tismscan_kernels *table) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    cases_of(table, &functions[i], 1);
    cases_of(table, &functions[i], 11);
    cases_of(table, &functions[i], 1501);
  }
}
