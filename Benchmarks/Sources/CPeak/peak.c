#include "peak.h"

// More chains than a processor has multiply-adds in flight: latency 4, two a cycle, and room to spare.
#define CHAINS 12

// Inputs and results pass through memory that the compiler may not see through, so that nothing is left out.
static volatile float factor = 0.999f, addend = 0.001f, result;

#define ROUNDS(VECTOR, LANES, SET, FMA, SUM)                                          \
  VECTOR chains[CHAINS];                                                              \
  const VECTOR a = SET(factor), b = SET(addend);                                      \
  for (int i = 0; i < CHAINS; i++) chains[i] = SET((float)i);                         \
  for (long long round = 0; round < rounds; round++)                                  \
    for (int i = 0; i < CHAINS; i++) chains[i] = FMA;                                 \
  float sum = 0;                                                                      \
  for (int i = 0; i < CHAINS; i++) sum += SUM(chains[i]);                             \
  result = sum;                                                                       \
  return rounds * CHAINS * LANES;

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static long long wide(long long rounds) {
  ROUNDS(__m512, 16, _mm512_set1_ps, _mm512_fmadd_ps(chains[i], a, b), _mm512_cvtss_f32)
}

__attribute__((target("avx2,fma"))) static long long middle(long long rounds) {
  ROUNDS(__m256, 8, _mm256_set1_ps, _mm256_fmadd_ps(chains[i], a, b), _mm256_cvtss_f32)
}

long long tismscan_multiply_add_rounds(long long rounds) {
  return __builtin_cpu_supports("avx512f") ? wide(rounds) : middle(rounds);
}

#elif defined(__aarch64__)
#include <arm_neon.h>

#define FIRST(vector) vgetq_lane_f32(vector, 0)

long long tismscan_multiply_add_rounds(long long rounds) {
  ROUNDS(float32x4_t, 4, vdupq_n_f32, vfmaq_f32(b, chains[i], a), FIRST)
}
#endif
