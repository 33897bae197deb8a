/* Vector times matrix:  c (n) = act(x (k) @ b (k, n) + bias).  No element of b is used twice, so nothing
 * is packed: b is read once, in the direction in which its elements are contiguous.
 *
 *   rows of b contiguous     c's vectors stay in registers, x[p] is broadcast        (any stride of x)
 *   columns of b contiguous  eight dot products at a time, vectors along k           (x contiguous) */
#include "gemm.h"

/* `vectors` of c's columns, the last one with `last` of them. */
ALWAYS_INLINE void columns(const int vectors, int64_t last, int64_t k, const real *x, int64_t x_col,
                           const real *b, int64_t b_row, real *c, const real *bias, const epilogue *end) {
  vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0}, s6 = {0}, s7 = {0};
  for (int64_t p = 0; p < k; p++, b += b_row, x += x_col) {
    const vec v = splat(*x);
    s0 += v * (vectors == 1 ? load_n(b, last) : load(b));
    if (vectors > 1) {
      s1 += v * load(b + VL);
      s2 += v * load(b + 2 * VL);
      s3 += v * load(b + 3 * VL);
      s4 += v * load(b + 4 * VL);
      s5 += v * load(b + 5 * VL);
      s6 += v * load(b + 6 * VL);
      s7 += v * load(b + 7 * VL);
    }
  }
  const vec sums[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
  for (int i = 0; i < vectors; i++)
    finish(c + i * VL, sums[i], vectors == 1 ? last : VL, bias ? bias + i * VL : 0, end->bias_rows, end);
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
    int64_t j = 0;
    for (; j + 8 * VL <= n; j += 8 * VL)
      columns(8, VL, k, x, x_col, b + j, b_row, c + j, bias ? bias + j : 0, &end);
    for (; j < n; j += VL)
      columns(1, n - j < VL ? n - j : VL, k, x, x_col, b + j, b_row, c + j, bias ? bias + j : 0, &end);
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
}
