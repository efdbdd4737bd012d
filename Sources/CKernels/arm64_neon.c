// NEON, which every arm64 processor has: 32 registers of 4 floats. The tile of 6 rows x 16 channels takes 24 accumulators,
// 4 weight vectors and 1 broadcast.
#if defined(__aarch64__)
#define SUFFIX neon
#define TABLE_NAME "neon"
#define LANES 4
#define ROWS_4 0
#define ROWS_2 0
#define ROWS_1 6
#define PRECISE_ROWS 3
#include "all.inc"
#endif
