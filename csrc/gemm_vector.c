/* Vector times matrix:  c (n) = act(x (k) @ b (k, n) + bias).  No element of b is used twice, so nothing
 * is packed: b is read once, in the direction in which its elements are contiguous.
 *
 *   rows of b contiguous     c += x[p] b[p] for some rows at a time, each a stream       (any stride of x)
 *   columns of b contiguous  eight dot products at a time, vectors along k               (x contiguous)
 *
 * Whichever way, an element's sum is taken in one order: the cut of n between threads does not show. */
#include "gemm.h"

enum { ROWS = VREGS / 4 };

/* `width` <= VL columns from j on, of `rows` rows of b weighted by x. */
#define PLUS_ROWS(sum, at, load_b) \
  _Pragma("GCC unroll 8") for (int p = 0; p < rows; p++) sum += weights[p] * load_b(b + p * b_row + at)

/* All n columns for `rows` rows; `first`: c holds nothing yet, `end`: what the last rows bring, else NULL.
 * The vectors of b are whole cache lines, as far as its rows allow: those that straddle two cost double. */
ALWAYS_INLINE void stream(const int rows, int64_t n, const real *x, int64_t x_col, const real *restrict b,
                          int64_t b_row, real *restrict c, const int first, const epilogue *end) {
  vec weights[ROWS];
#pragma GCC unroll 8
  for (int p = 0; p < rows; p++) weights[p] = splat(x[p * x_col]);
  const int64_t beyond = (int64_t)((uintptr_t)b / sizeof(real) % VL);
  int64_t j = 0, width = b_row % VL == 0 && beyond && n > 4 * VL ? VL - beyond : VL;
  while (j < n) {
    if (!end && width == VL)
      for (; j + 2 * VL <= n; j += 2 * VL) {
        vec s0 = first ? (vec){0} : load(c + j), s1 = first ? (vec){0} : load(c + j + VL);
        PLUS_ROWS(s0, j, load);
        PLUS_ROWS(s1, j + VL, load);
        store(c + j, s0);
        store(c + j + VL, s1);
      }
    if (width > n - j) width = n - j;
#define LOAD_WIDTH(p) load_n(p, width)
    vec sum = first ? (vec){0} : LOAD_WIDTH(c + j);
    if (width == VL) PLUS_ROWS(sum, j, load);
    else PLUS_ROWS(sum, j, LOAD_WIDTH);
    if (end) finish(c + j, sum, width, end->bias_columns ? end->bias_columns + j : 0, end->bias_rows, end);
    else store_n(c + j, sum, width);
    j += width, width = VL;
  }
}

static void rows_of_b(int64_t n, int64_t k, const real *x, int64_t x_col, const real *b, int64_t b_row,
                      real *c, epilogue end) {
  int first = !end.accumulate;
  end.accumulate = 0; /* the sums begin with what c holds */
  if (k == 0) stream(0, n, x, x_col, b, b_row, c, first, &end);
  for (; k >= ROWS; k -= ROWS, x += ROWS * x_col, b += ROWS * b_row, first = 0)
    stream(ROWS, n, x, x_col, b, b_row, c, first, k == ROWS ? &end : 0);
  for (; k > 0; k--, x += x_col, b += b_row, first = 0)
    stream(1, n, x, x_col, b, b_row, c, first, k == 1 ? &end : 0);
}

ALWAYS_INLINE real total(vec v) {
  real lanes[VL];
  memcpy(lanes, &v, sizeof v);
  for (int width = VL / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}

/* `count` columns of c; b_col may be anything. */
ALWAYS_INLINE void dots(const int count, int64_t k, const real *x, const real *b, int64_t b_col, real *sums) {
  vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0}, s6 = {0}, s7 = {0};
#define DOTS(load_k)                       \
  {                                        \
    const vec v = load_k(x + p);           \
    s0 += v * load_k(b + p);               \
    if (count > 1) {                       \
      s1 += v * load_k(b + b_col + p);     \
      s2 += v * load_k(b + 2 * b_col + p); \
      s3 += v * load_k(b + 3 * b_col + p); \
      s4 += v * load_k(b + 4 * b_col + p); \
      s5 += v * load_k(b + 5 * b_col + p); \
      s6 += v * load_k(b + 6 * b_col + p); \
      s7 += v * load_k(b + 7 * b_col + p); \
    }                                      \
  }
#define REST(from) load_n(from, k - p)
  int64_t p = 0;
  for (; p + VL <= k; p += VL) DOTS(load)
  if (p < k) DOTS(REST)
  const vec all[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
  for (int i = 0; i < count; i++) sums[i] = total(all[i]);
}

int NAME(vector_fits)(int64_t x_col, int64_t b_row, int64_t b_col) {
  return b_col == 1 || (b_row == 1 && x_col == 1);
}

void NAME(vector_product)(int64_t n, int64_t k, const real *x, int64_t x_col, const real *b, int64_t b_row,
                          int64_t b_col, real *c, epilogue end) {
  const real *bias = end.bias_columns;
  if (b_col == 1) {
    rows_of_b(n, k, x, x_col, b, b_row, c, end);
    if (end.act > RELU) NAME(activate)(end.act, 1, n, c, n);
    return;
  }
  for (int64_t j = 0; j < n; j += VL) { /* VL sums make a vector for the epilogue */
    const int64_t count = n - j < VL ? n - j : VL;
    real sums[VL] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) dots(8, k, x, b + (j + i) * b_col, b_col, sums + i);
    for (; i < count; i++) dots(1, k, x, b + (j + i) * b_col, b_col, sums + i);
    finish(c + j, load(sums), count, bias ? bias + j : 0, end.bias_rows, &end);
  }
  if (end.act > RELU) NAME(activate)(end.act, 1, n, c, n);
}
