/* The products of attention: gemm_tile.c's micro-kernel without its edges, adding to c in registers. */
#include "attention.h"

/* X(i) for every row of the tile that can exist. */
#if defined(KG_ISA_avx512)
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#elif defined(KG_ISA_avx2)
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#elif defined(KG_ISA_neon)
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#else
#define ROWS(X) X(0) X(1) X(2) X(3)
#endif

ALWAYS_INLINE void tile(const int rows, const int wide, int64_t k, const real *restrict a, int64_t a_row,
                        int64_t a_col, const real *restrict b, int64_t b_row, real *restrict c, int64_t c_row,
                        int add) {
#define START(i) vec c##i##_0 = {0}, c##i##_1 = {0};
  ROWS(START)
#define LOAD(i)                                    \
  if (i < rows) {                                  \
    c##i##_0 = load(c + i * c_row);                \
    if (wide) c##i##_1 = load(c + i * c_row + VL); \
  }
  if (add) {
    ROWS(LOAD)
  }
  for (int64_t p = 0; p < k; p++) {
    vec b0 = load(b), b1 = wide ? load(b + VL) : b0;
#define MULTIPLY(i)               \
  if (i < rows) {                 \
    vec x = splat(a[i * a_row]);  \
    c##i##_0 += x * b0;           \
    if (wide) c##i##_1 += x * b1; \
  }
    ROWS(MULTIPLY)
    a += a_col;
    b += b_row;
  }
#define STORE(i)                                   \
  if (i < rows) {                                  \
    store(c + i * c_row, c##i##_0);                \
    if (wide) store(c + i * c_row + VL, c##i##_1); \
  }
  ROWS(STORE)
}

typedef void tile_kernel(int64_t, const real *, int64_t, int64_t, const real *, int64_t, real *, int64_t,
                         int);

#define COPIES(i) COPY(i, 0) COPY(i, 1)
#define COPY(i, wide)                                                                                  \
  static void tile_##i##_##wide(int64_t k, const real *a, int64_t a_row, int64_t a_col, const real *b, \
                                int64_t b_row, real *c, int64_t c_row, int add) {                      \
    tile(i + 1, wide, k, a, a_row, a_col, b, b_row, c, c_row, add);                                    \
  }
ROWS(COPIES)

#define POINTERS(i) {tile_##i##_0, tile_##i##_1},
static tile_kernel *const tiles[MR][2] = {ROWS(POINTERS)}; /* [rows - 1][vectors - 1] */

/* The rows are shared out evenly: a tile of few rows would wait for its own sums. */
void NAME(attention_product)(int64_t m, int64_t k, const real *a, int64_t a_row, int64_t a_col, const real *b,
                             int64_t b_row, real *c, int64_t c_row, int vectors, int add) {
  for (int64_t left = (m + MR - 1) / MR; left > 0; left--) {
    const int64_t rows = (m + left - 1) / left;
    tiles[rows - 1][vectors - 1](k, a, a_row, a_col, b, b_row, c, c_row, add);
    a += rows * a_row, c += rows * c_row, m -= rows;
  }
}
