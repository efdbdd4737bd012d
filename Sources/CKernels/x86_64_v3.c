// AVX2 and FMA (x86-64-v3): 16 registers of 8 floats.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#define SUFFIX v3
#define TABLE_NAME "x86-64-v3"
#define LANES 8
#define ROWS_4 0
#define ROWS_2 0
#define ROWS_1 6
#define PRECISE_ROWS 3
#include "all.inc"
#pragma clang attribute pop
#endif
