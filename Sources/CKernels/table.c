// The tables that this processor can run, best first.
#include "kernels.h"

extern const tismscan_kernels tismscan_table_portable;
#if defined(__x86_64__)
extern const tismscan_kernels tismscan_table_v3, tismscan_table_v4;
#elif defined(__aarch64__)
extern const tismscan_kernels tismscan_table_neon;
#endif

static ptrdiff_t list(const tismscan_kernels **tables) {
  ptrdiff_t count = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    tables[count++] = &tismscan_table_v4;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    tables[count++] = &tismscan_table_v3;
  }
#elif defined(__aarch64__)
  tables[count++] = &tismscan_table_neon;
#endif
  tables[count++] = &tismscan_table_portable;
  return count;
}

ptrdiff_t tismscan_supported_count(void) {
  const tismscan_kernels *tables[4];
  return list(tables);
}

const tismscan_kernels *tismscan_supported(ptrdiff_t index) {
  const tismscan_kernels *tables[4];
  return index >= 0 && index < list(tables) ? tables[index] : NULL;
}
