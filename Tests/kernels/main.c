// Runs every kernel of every table that this processor can run on seeded cases, and prints a line for each:
//
//   architecture <tab> table <tab> kernel <tab> case <tab> digest of the result's bits
//
// scripts/compare-kernels.sh builds it for several architectures and compares the digests.
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__)
#define ARCHITECTURE "aarch64"
#elif defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#else
#define ARCHITECTURE "other"
#endif

enum { GUARD = 64 };
static const uint32_t poison = 0x7FC5EED5;  // a NaN that no arithmetic makes
static int failures = 0;

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

uint64_t next_bits(generator *g) {
  uint64_t z = (g->state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

ptrdiff_t whole(generator *g, ptrdiff_t low, ptrdiff_t high) {
  return low + (ptrdiff_t)(next_bits(g) % (uint64_t)(high - low + 1));
}

bool coin(generator *g) { return next_bits(g) >> 63; }

float number(generator *g, spread values) {
  const uint64_t bits = next_bits(g);
  const bool rare = bits % 16 == 0;
  if (values == PLAIN) {
    return rare ? (bits & 16 ? -0.0f : 0.0f) : (float)((int64_t)(bits >> 32) - 0x80000000LL) * 0x1p-31f;
  }
  static const float special[] = {0.0f, -0.0f, __builtin_inff(), -__builtin_inff(), __builtin_nanf(""), 1.0f, -3.0f, 3.0f};
  if (rare) return special[bits >> 4 & 7];
  const uint32_t exponent = (uint32_t)(bits >> 32) % 255;  // never 255: infinities and NaN are drawn above
  return float_of((uint32_t)(bits & 0x807FFFFF) | exponent << 23);
}

buffer poisoned(ptrdiff_t count) {
  const size_t bytes = (size_t)(count + 2 * GUARD) * sizeof(float);
  float *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!memory) abort();
  for (ptrdiff_t i = 0; i < count + 2 * GUARD; i++) memcpy(memory + i, &poison, sizeof poison);
  return (buffer){.data = memory + GUARD, .count = count};
}

buffer filled(generator *g, ptrdiff_t count, spread values) {
  buffer b = poisoned(count);
  for (ptrdiff_t i = 0; i < count; i++) b.data[i] = number(g, values);
  return b;
}

void release(buffer b) { free(b.data - GUARD); }

bool is_poison(buffer b, ptrdiff_t index) { return bits_of(b.data[index]) == poison; }

void finish(const label *l, buffer y, const bool *written, bool finite) {
  uint64_t digest = 0xCBF29CE484222325;  // FNV-1a over the bits of the elements written
  ptrdiff_t astray = 0, nan = 0;
  for (ptrdiff_t i = -GUARD; i < y.count + GUARD; i++) {
    if (i < 0 || i >= y.count || (written && !written[i])) {
      astray += !is_poison(y, i);
      continue;
    }
    const bool is_nan = y.data[i] != y.data[i];
    nan += is_nan;
    const uint32_t bits = is_nan ? 0x7FC00000 : bits_of(y.data[i]);
    for (int byte = 0; byte < 4; byte++) digest = (digest ^ (bits >> 8 * byte & 0xFF)) * 0x100000001B3;
  }
  const bool loud = failures < 20;
  if (loud && astray > 0) {
    fprintf(stderr, "kernels: %s %s, case '%s': wrote %td floats that are not its own\n", l->table, l->kernel, l->name, astray);
  }
  if (loud && finite && nan > 0) {
    fprintf(stderr, "kernels: %s %s, case '%s': read what is not its own, %td NaN\n", l->table, l->kernel, l->name, nan);
  }
  failures += astray > 0 || (finite && nan > 0);
  printf("%s\t%s\t%s\t%s\t%016llx\n", ARCHITECTURE, l->table, l->kernel, l->name, (unsigned long long)digest);
}

int main(void) {
  for (ptrdiff_t i = 0; i < tismscan_supported_count(); i++) {
    const tismscan_kernels *table = tismscan_supported(i);
    contract_cases(table);
    function_cases(table);
    row_cases(table);
    recurrent_cases(table);
  }
  return failures > 0;
}
