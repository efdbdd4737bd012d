// AVX-512 (x86-64-v4): 32 registers of 16 floats.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi2"))), apply_to = function)
#define SUFFIX v4
#define TABLE_NAME "x86-64-v4"
#define LANES 16
#define ROWS_4 6
#define ROWS_2 12
#define ROWS_1 12
#define PRECISE_ROWS 12
#include "all.inc"
#pragma clang attribute pop
#endif
