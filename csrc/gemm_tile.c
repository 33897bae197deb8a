/* The micro-kernel: one tile of c = act(a @ b + bias) in registers, and the loop over all tiles.
 *
 * The accumulators are named one by one (c0_0 ... c13_1): GCC may leave an array of vectors on the stack
 * in spite of full unrolling, at a third of the speed. Every (rows, vectors) pair has its own copy of
 * the one function `tile`, so that edges neither compute nor touch what lies beyond them. */
#include "gemm.h"

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

ALWAYS_INLINE void tile(const int rows, const int vectors, int64_t cols, int64_t k, const real *restrict a,
                        int64_t a_row, int64_t a_col, const real *restrict b, int64_t b_row, real *restrict c,
                        int64_t c_row, const epilogue *end) {
  const int wide = vectors > 1;
#define START(i) vec c##i##_0 = {0}, c##i##_1 = {0};
  ROWS(START)
/* c is fetched no nearer than L2: where its rows lie a power of two apart, they would push each other and b
 * out of L1 before they are used. */
#define PREFETCH(i)                                         \
  if (i < rows) {                                           \
    __builtin_prefetch(c + i * c_row, 1, 2);                \
    if (wide) __builtin_prefetch(c + i * c_row + VL, 1, 2); \
  }
  ROWS(PREFETCH)
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
  if (cols == vectors * VL && is_plain(end)) { /* straight from the registers: 9% of a product of 64^3 */
#define STORE(i)                                   \
  if (i < rows) {                                  \
    store(c + i * c_row, c##i##_0);                \
    if (wide) store(c + i * c_row + VL, c##i##_1); \
  }
    ROWS(STORE)
    return;
  }
  vec sums[MR][2];
#define COLLECT(i) sums[i][0] = c##i##_0, sums[i][1] = c##i##_1;
  ROWS(COLLECT)
  for (int i = 0; i < rows; i++, c += c_row) {
    const real *bias = end->bias_columns, *row_bias = end->bias_rows ? end->bias_rows + i : 0;
    finish(c, sums[i][0], cols, bias, row_bias, end);
    if (wide) finish(c + VL, sums[i][1], cols - VL, bias ? bias + VL : 0, row_bias, end);
  }
}

typedef void tile_kernel(int64_t, int64_t, const real *, int64_t, int64_t, const real *, int64_t, real *,
                         int64_t, const epilogue *);

#define COPIES(i) COPY(i, 1) COPY(i, 2)
#define COPY(i, vectors)                                                                                 \
  static void tile_##i##_##vectors(int64_t cols, int64_t k, const real *a, int64_t a_row, int64_t a_col, \
                                   const real *b, int64_t b_row, real *c, int64_t c_row,                 \
                                   const epilogue *end) {                                                \
    tile(i + 1, vectors, cols, k, a, a_row, a_col, b, b_row, c, c_row, end);                             \
  }
ROWS(COPIES)

#define POINTERS(i) {tile_##i##_1, tile_##i##_2},
static tile_kernel *const tiles[MR][2] = {ROWS(POINTERS)}; /* [rows - 1][vectors - 1] */

void NAME(micro_kernel)(int64_t rows, int64_t cols, int64_t k, const real *a, int64_t a_row, int64_t a_col,
                        const real *b, int64_t b_row, real *c, int64_t c_row, epilogue end) {
  tiles[rows - 1][cols > VL](cols, k, a, a_row, a_col, b, b_row, c, c_row, &end);
}

void NAME(macro_kernel)(int64_t m, int64_t n, int64_t k, panels a, panels b, real *c, int64_t c_row,
                        epilogue end) {
  for (int64_t j = 0; j < n; j += NR, b.data += b.panel) {
    const int64_t cols = n - j < NR ? n - j : NR;
    const real *panel = a.data;
    epilogue at = end;
    if (at.bias_columns) at.bias_columns += j;
    for (int64_t i = 0; i < m; i += MR, panel += a.panel) {
      const int64_t rows = m - i < MR ? m - i : MR;
      tiles[rows - 1][cols > VL](cols, k, panel, a.row, a.col, b.data, b.row, c + i * c_row + j, c_row, &at);
      if (at.bias_rows) at.bias_rows += MR;
    }
    if (end.act > RELU) NAME(activate)(end.act, m, cols, c + j, c_row);
  }
}
