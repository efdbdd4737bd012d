// What the compiler's default target offers, the last resort of every processor: on x86-64 plain SSE2 with software fused
// multiply-adds, which is slow and serves as the oracle.
#define SUFFIX portable
#define TABLE_NAME "portable"
#define LANES 4
#define ROWS_4 0
#define ROWS_2 0
#define ROWS_1 6
#define PRECISE_ROWS 4
#include "all.inc"
