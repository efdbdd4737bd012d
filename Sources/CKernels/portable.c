// What the compiler's default target offers: NEON on arm64; on x86-64 plain SSE2 with software fused multiply-adds, which
// is slow and serves as the oracle.
#define SUFFIX portable
#if defined(__aarch64__)
#define TABLE_NAME "neon"
#else
#define TABLE_NAME "portable"
#endif
#define LANES 4
#define ROWS_4 0
#define ROWS_2 0
#define ROWS_1 6
#include "all.inc"
