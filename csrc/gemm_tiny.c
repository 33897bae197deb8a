/* The matrix product where all of it is small: c (m, n) = act(a (m, k) @ b (k, n) + bias), n <= VL, k <= DEEP.
 *
 * A row of c is one vector. b is copied once, a row a vector, zeros behind its end; then no loop has an edge.
 * Blocking and packing for the large would take longer than these products themselves: a layer of the
 * playground's network (10 x 8 @ 8 x 8) takes 40 ns here. One thread. Sums go in the order of k. */
#include "normal.h"
#include "gemm.h"

enum { DEEP = 64, WORK = 1 << 13, ROWS = 4 };

int NAME(tiny_fits)(int64_t batch, int64_t m, int64_t n, int64_t k) {
  return batch == 1 && n <= VL && k <= DEEP && m * n * k <= WORK;
}

ALWAYS_INLINE vec act_v(vec x, activation act) {
  switch (act) {
    case TANH: return tanh_v(x);
    case SIGMOID: return sigmoid_v(x);
    case GELU: return gelu_v(x);
    case SILU: return x * sigmoid_v(x);
    default: return x; /* relu: finish() does it */
  }
}

/* `rows` rows of c. */
ALWAYS_INLINE void rows_of_c(const int rows, int64_t n, int64_t k, const real *a, int64_t a_row,
                             int64_t a_col, const vec *b, real *c, int64_t c_row, epilogue end) {
  vec sums[ROWS] = {{0}};
  for (int64_t p = 0; p < k; p++)
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) sums[i] += splat(a[i * a_row + p * a_col]) * b[p];
  const epilogue linear = {end.bias_columns, end.bias_rows, end.accumulate, end.act == RELU ? RELU : NONE};
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) {
    real *to = c + i * c_row;
    const real *row_bias = end.bias_rows ? end.bias_rows + i : 0;
    if (end.act <= RELU) {
      finish(to, sums[i], n, end.bias_columns, row_bias, &linear);
      continue;
    }
    vec sum = sums[i];
    if (end.accumulate) sum += load_n(to, n);
    if (end.bias_columns) sum += load_n(end.bias_columns, n);
    if (row_bias) sum += splat(*row_bias);
    store_n(to, act_v(sum, end.act), n);
  }
}

void NAME(tiny_product)(int64_t m, int64_t n, int64_t k, const real *a, int64_t a_row, int64_t a_col,
                        const real *b, int64_t b_row, int64_t b_col, real *c, int64_t c_row, epilogue end) {
  vec rows[DEEP];
  if (b_col == 1)
    for (int64_t p = 0; p < k; p++) rows[p] = load_n(b + p * b_row, n);
  else
    for (int64_t p = 0; p < k; p++) {
      real row[VL] = {0};
      for (int64_t j = 0; j < n; j++) row[j] = b[p * b_row + j * b_col];
      rows[p] = load(row);
    }
  int64_t i = 0;
  for (; i + ROWS <= m; i += ROWS) {
    rows_of_c(ROWS, n, k, a + i * a_row, a_row, a_col, rows, c + i * c_row, c_row, end);
    if (end.bias_rows) end.bias_rows += ROWS;
  }
  for (; i < m; i++) {
    rows_of_c(1, n, k, a + i * a_row, a_row, a_col, rows, c + i * c_row, c_row, end);
    if (end.bias_rows) end.bias_rows++;
  }
}
