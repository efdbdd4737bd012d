// What the cases of every kernel share: seeded numbers, outputs with poison around them, and digests of result bits.
#ifndef TISMSCAN_KERNEL_CASES_H
#define TISMSCAN_KERNEL_CASES_H

#include "kernels.h"

// SplitMix64: the same numbers on every machine.
typedef struct { uint64_t state; } generator;

uint64_t next_bits(generator *g);
// A whole number in [low, high].
ptrdiff_t whole(generator *g, ptrdiff_t low, ptrdiff_t high);
bool coin(generator *g);

// How the values of a buffer are drawn.
typedef enum {
  PLAIN,  // uniform in [-1, 1), one in sixteen +0 or -0
  WIDE,   // any finite size down to subnormals, one in sixteen special: zeros, infinities, NaN
} spread;
float number(generator *g, spread values);

// Floats between two stretches of poison; all poison when made. 64-byte aligned.
typedef struct {
  float *data;
  ptrdiff_t count;
} buffer;
buffer poisoned(ptrdiff_t count);
buffer filled(generator *g, ptrdiff_t count, spread values);
void release(buffer b);

// Whether the element, or the guard at `index` outside of 0..<count, still holds the poison.
bool is_poison(buffer b, ptrdiff_t index);

// One case of one kernel of one table.
typedef struct {
  const char *table;
  const char *kernel;
  char name[160];
} label;

// Ends a case: prints the digest of the elements of `y` that `written` names (all if NULL), and fails the case if any other
// element or guard has lost its poison, or, with `finite`, if a written one is NaN. All NaN count as equal: their signs and
// payloads are the processor's choice.
void finish(const label *l, buffer y, const bool *written, bool finite);

// The cases of all kernels, each file its own.
void contract_cases(const tismscan_kernels *table);
void function_cases(const tismscan_kernels *table);
void row_cases(const tismscan_kernels *table);
void recurrent_cases(const tismscan_kernels *table);

#endif
