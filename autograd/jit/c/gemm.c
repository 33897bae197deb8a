/* A batch of matrices: how many elements it is from one to the next, from row to row, from column to
 * column. */
typedef struct {
  const real *at;
  int64_t batch, row, column;
} matrices;

/* The sum of x[i] y[i], of every x_step-th and y_step-th element: eight sums side by side, for vectors. */
static real dot(int64_t n, const real *x, int64_t x_step, const real *y, int64_t y_step) {
  const int64_t whole = x_step == 1 && y_step == 1 ? n / 8 * 8 : 0;
  real part[8] = {0}, sum = 0;
  for (int64_t i = 0; i < whole; i += 8)
    for (int64_t j = 0; j < 8; j++) part[j] += x[i + j] * y[i + j];
  for (int64_t i = whole; i < n; i++) sum += x[i * x_step] * y[i * y_step];
  return sum + ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

enum { NO_BIAS, BIAS_BY_COLUMN, BIAS_BY_ROW, ADD_TO_C };

/* c = a b + bias (or c += a b), a (batch, m, k), b (batch, k, n), c (batch, m, n): its columns are
 * neighbours. */
static void gemm(int64_t batch, int64_t m, int64_t n, int64_t k, matrices a, matrices b, real *c,
                 int64_t c_batch, int64_t c_row, const real *bias, int start) {
  for (int64_t which = 0; which < batch; which++)
    for (int64_t i = 0; i < m; i++) {
      const real *row = a.at + which * a.batch + i * a.row, *columns = b.at + which * b.batch;
      real *out = c + which * c_batch + i * c_row;
      if (start != ADD_TO_C)
        for (int64_t j = 0; j < n; j++)
          out[j] = start == BIAS_BY_COLUMN ? bias[j] : start == BIAS_BY_ROW ? bias[i] : 0;
      if (b.column == 1 && n > 1) /* whichever way reads b in the order of memory */
        for (int64_t p = 0; p < k; p++)
          for (int64_t j = 0; j < n; j++) out[j] += row[p * a.column] * columns[p * b.row + j];
      else
        for (int64_t j = 0; j < n; j++) out[j] += dot(k, row, a.column, columns + j * b.column, b.row);
    }
}
