/* One mean and one deviation are taken of a unit: `segments` runs of `length` elements, that of segment s
 * and unit u from (s * units + u) * length on. `span` neighbours of a run share a weight and a bias; the
 * units' weights begin anew after `period` units. (Batch norm: units are channels, segments images. Layer
 * norm: units are rows.) */
typedef struct {
  int64_t units, segments, length, span, period;
} norm_shape;

/* The place of the first weight of a unit. */
static int64_t first_weight(const norm_shape *n, int64_t u) { return u % n->period * (n->length / n->span); }

/* y = (x - mean) rstd weight + bias; weight and bias may be NULL. */
static void normalize(const real *x, const real *weight, const real *bias, real *y, const real *mean,
                      const real *rstd, norm_shape n) {
  for (int64_t s = 0; s < n.segments; s++)
    for (int64_t u = 0; u < n.units; u++)
      for (int64_t k = first_weight(&n, u), end = k + n.length / n.span; k < end; k++) {
        const real scale = weight ? rstd[u] * weight[k] : rstd[u], shift = bias ? bias[k] : 0;
        for (int64_t i = 0; i < n.span; i++) *y++ = (*x++ - mean[u]) * scale + shift;
      }
}

/* By the mean and variance of each unit, towards which the running ones move, unless they are NULL. */
static void standardize(const real *x, const real *weight, const real *bias, real *y, real *mean, real *rstd,
                        real *running_mean, real *running_var, norm_shape n, double eps, double momentum) {
  const double count = (double)(n.segments * n.length);
  for (int64_t u = 0; u < n.units; u++) {
    double sum = 0, squares = 0;
    for (int64_t s = 0; s < n.segments; s++)
      for (int64_t i = 0; i < n.length; i++) sum += x[(s * n.units + u) * n.length + i];
    const double centre = sum / count;
    for (int64_t s = 0; s < n.segments; s++)
      for (int64_t i = 0; i < n.length; i++) {
        const double d = x[(s * n.units + u) * n.length + i] - centre;
        squares += d * d;
      }
    if (running_mean) {
      running_mean[u] += (real)((centre - running_mean[u]) * momentum);
      running_var[u] += (real)((squares / (count - 1) - running_var[u]) * momentum);
    }
    mean[u] = (real)centre;
    rstd[u] = (real)(1 / sqrt(squares / count + eps));
  }
  normalize(x, weight, bias, y, mean, rstd, n);
}

/* By the running mean and variance. */
static void standardize_given(const real *x, const real *weight, const real *bias, real *y, real *mean,
                              real *rstd, const real *running_mean, const real *running_var, norm_shape n,
                              double eps) {
  for (int64_t u = 0; u < n.units; u++) {
    mean[u] = running_mean[u];
    rstd[u] = (real)(1 / sqrt((double)running_var[u] + eps));
  }
  normalize(x, weight, bias, y, mean, rstd, n);
}

/* From g, the gradient in y: dx = rstd (g w - avg(g w) - h avg(g w h)), h = (x - mean) rstd, averages over
 * the unit (0 where the statistics were given); dw = the sum of g h, db = that of g. dx, or dw and db, may
 * be NULL. */
static void standardize_backward(const real *x, const real *g, const real *weight, const real *mean,
                                 const real *rstd, real *dx, real *dw, real *db, norm_shape n, int given) {
  const int64_t weights = n.period * (n.length / n.span);
  for (int64_t k = 0; dw && k < weights; k++) dw[k] = db[k] = 0;
  for (int64_t u = 0; u < n.units; u++) {
    const int64_t first = first_weight(&n, u), end = first + n.length / n.span;
    double all_g = 0, all_gh = 0;
    for (int64_t k = first; k < end; k++) {
      double sum_g = 0, sum_gh = 0;
      for (int64_t s = 0; s < n.segments; s++)
        for (int64_t i = 0; i < n.span; i++) {
          const int64_t at = (s * n.units + u) * n.length + (k - first) * n.span + i;
          sum_g += g[at], sum_gh += g[at] * (x[at] - mean[u]) * rstd[u];
        }
      if (dw) dw[k] += (real)sum_gh, db[k] += (real)sum_g;
      all_g += sum_g * (weight ? weight[k] : 1), all_gh += sum_gh * (weight ? weight[k] : 1);
    }
    const double count = (double)(n.segments * n.length);
    const real avg_g = given ? 0 : (real)(all_g / count), avg_gh = given ? 0 : (real)(all_gh / count);
    for (int64_t s = 0; dx && s < n.segments; s++)
      for (int64_t k = first; k < end; k++)
        for (int64_t i = 0; i < n.span; i++) {
          const int64_t at = (s * n.units + u) * n.length + (k - first) * n.span + i;
          const real h = (x[at] - mean[u]) * rstd[u];
          dx[at] = rstd[u] * (g[at] * (weight ? weight[k] : 1) - avg_g - h * avg_gh);
        }
  }
}
