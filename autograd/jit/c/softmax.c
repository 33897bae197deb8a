/* y = exp(x) / the sum of exp(x) over columns, of x (rows, columns, inner); rows of x lie x_row elements
 * apart. */
static void softmax(const real *x, real *y, int64_t rows, int64_t columns, int64_t inner, int64_t x_row) {
  for (int64_t i = 0; i < rows * inner; i++) {
    const real *from = x + i / inner * x_row + i % inner;
    real *to = y + i / inner * columns * inner + i % inner;
    real top = from[0], sum = 0;
    for (int64_t c = 1; c < columns; c++) top = maximum(top, from[c * inner]);
    for (int64_t c = 0; c < columns; c++) sum += to[c * inner] = exp(from[c * inner] - top);
    for (int64_t c = 0; c < columns; c++) to[c * inner] /= sum;
  }
}

/* The logarithm of softmax. */
static void log_softmax(const real *x, real *y, int64_t rows, int64_t columns, int64_t inner, int64_t x_row) {
  for (int64_t i = 0; i < rows * inner; i++) {
    const real *from = x + i / inner * x_row + i % inner;
    real *to = y + i / inner * columns * inner + i % inner;
    real top = from[0], sum = 0;
    for (int64_t c = 1; c < columns; c++) top = maximum(top, from[c * inner]);
    for (int64_t c = 0; c < columns; c++) sum += exp(from[c * inner] - top);
    const real log_sum = log(sum);
    for (int64_t c = 0; c < columns; c++) to[c * inner] = from[c * inner] - top - log_sum;
  }
}

/* From y, a softmax, and g, the gradient in y, that in x: y (g - sum of g y). */
static void softmax_backward(const real *y, const real *g, real *dx, int64_t rows, int64_t columns,
                             int64_t inner, int64_t y_row, int64_t g_row) {
  for (int64_t i = 0; i < rows * inner; i++) {
    const real *of_y = y + i / inner * y_row + i % inner, *of_g = g + i / inner * g_row + i % inner;
    real *to = dx + i / inner * columns * inner + i % inner, sum = 0;
    for (int64_t c = 0; c < columns; c++) sum += of_g[c * inner] * of_y[c * inner];
    for (int64_t c = 0; c < columns; c++) to[c * inner] = of_y[c * inner] * (of_g[c * inner] - sum);
  }
}

/* The same of y, a log_softmax: g - exp(y) times the sum of g. */
static void log_softmax_backward(const real *y, const real *g, real *dx, int64_t rows, int64_t columns,
                                 int64_t inner, int64_t y_row, int64_t g_row) {
  for (int64_t i = 0; i < rows * inner; i++) {
    const real *of_y = y + i / inner * y_row + i % inner, *of_g = g + i / inner * g_row + i % inner;
    real *to = dx + i / inner * columns * inner + i % inner, sum = 0;
    for (int64_t c = 0; c < columns; c++) sum += of_g[c * inner];
    for (int64_t c = 0; c < columns; c++) to[c * inner] = of_g[c * inner] - exp(of_y[c * inner]) * sum;
  }
}
