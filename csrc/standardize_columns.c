/* Batch normalisation of a matrix (N, C): the units of KG_STANDARDIZE are its columns.
 *
 * A strip of four vectors of columns is worked on at a time, block of rows after block of rows: a block stays
 * in L1 while its moments are taken (as norm.h takes them, a column in every lane). Then the strip is read
 * again for the result. Strips are cut among the threads: the result does not depend on how many there are. */
#include "norm_activation.h"
#include "strip.h"

/* Mean and sum of squared deviations of each column of a strip. */
INLINE void strip_moments(const norm_job *j, const real *x, int64_t n, int full, double *mean,
                          double *squares) {
  double count = 0;
  for (int64_t first = 0; first < j->segments; first += BLOCK_ROWS) {
    const int64_t rows = j->segments - first < BLOCK_ROWS ? j->segments - first : BLOCK_ROWS;
    const real *p = x + first * j->jump;
    vec v[WIDE], sum[WIDE], centre[WIDE], square[WIDE];
    EACH sum[k] = square[k] = splat(0);
    for (int64_t r = 0; r < rows; r++) {
      load_strip(v, p + r * j->jump, n, full);
      EACH sum[k] += v[k];
    }
    EACH centre[k] = sum[k] / (real)rows, sum[k] = splat(0);
    for (int64_t r = 0; r < rows; r++) {
      load_strip(v, p + r * j->jump, n, full);
      EACH {
        vec d = v[k] - centre[k];
        sum[k] += d, square[k] += d * d;
      }
    }
    real c[COLUMNS], s[COLUMNS], q[COLUMNS];
    EACH store(c + k * VL, centre[k]), store(s + k * VL, sum[k]), store(q + k * VL, square[k]);
    const double total = count + (double)rows, share = (double)rows / total;
    for (int i = 0; i < COLUMNS; i++) {
      const double left = s[i], block = c[i] + left / (double)rows;
      const double delta = block - mean[i];
      squares[i] += q[i] - left * left / (double)rows + delta * delta * (count * share);
      mean[i] += delta * share;
    }
    count = total;
  }
}

/* y as act(y), and g as g act'(y). */
INLINE void activate_strip(const norm_job *j, vec y[WIDE]){
#define APPLY(act) EACH y[k] = activated(act, y[k], j->leak)
    BY_ACTIVATION(j->activation, APPLY)
#undef APPLY
} INLINE void return_strip(const norm_job *j, vec g[WIDE], const vec y[WIDE]){
#define APPLY(act) EACH g[k] = through(act, g[k], y[k], j->leak)
    BY_ACTIVATION(j->activation, APPLY)
#undef APPLY
}

INLINE void strip_forward(const norm_job *j, int64_t row, int64_t c, int64_t n, int full) {
  (void)row;
  double mean[COLUMNS] = {0}, var[COLUMNS] = {0};
  real centre[COLUMNS] = {0}, scale[COLUMNS] = {0}, shift[COLUMNS] = {0};
  if (!j->given) strip_moments(j, j->x + c, n, full, mean, var);
  for (int64_t i = 0; i < n; i++) {
    const int64_t u = c + i;
    const double count = (double)j->segments;
    if (j->given) mean[i] = j->running_mean[u], var[i] = j->running_var[u];
    else {
      if (j->running_mean) {
        j->running_mean[u] += (real)((mean[i] - j->running_mean[u]) * j->momentum);
        j->running_var[u] += (real)((var[i] / (count - 1) - j->running_var[u]) * j->momentum);
      }
      var[i] /= count;
    }
    const real r = (real)(1 / sqrt(var[i] + j->eps));
    centre[i] = j->mean[u] = (real)mean[i];
    j->rstd[u] = r;
    scale[i] = j->weight ? r * j->weight[u] : r;
    shift[i] = j->bias ? j->bias[u] : 0;
  }
  vec m[WIDE], w[WIDE], b[WIDE], v[WIDE];
  EACH m[k] = load(centre + k * VL), w[k] = load(scale + k * VL), b[k] = load(shift + k * VL);
  for (int64_t r = 0; r < j->segments; r++) {
    load_strip(v, j->x + c + r * j->jump, n, full);
    EACH v[k] = (v[k] - m[k]) * w[k] + b[k];
    activate_strip(j, v);
    store_strip(j->out + c + r * j->jump, v, n, full);
  }
}

INLINE void strip_backward(const norm_job *j, int64_t row, int64_t c, int64_t n, int full) {
  (void)row;
  double sum_g[COLUMNS] = {0}, sum_gd[COLUMNS] = {0};
  real scale[COLUMNS] = {0}, bias[COLUMNS] = {0}, slope[COLUMNS] = {0}, shift[COLUMNS] = {0};
  vec m[WIDE], v[WIDE], g[WIDE], w[WIDE], y[WIDE], a[WIDE], b[WIDE], beta[WIDE];
  for (int64_t i = 0; i < n; i++) {
    scale[i] = j->weight ? j->rstd[c + i] * j->weight[c + i] : j->rstd[c + i];
    bias[i] = j->bias ? j->bias[c + i] : 0;
  }
  load_strip(m, j->mean + c, n, full);
  EACH w[k] = load(scale + k * VL), beta[k] = load(bias + k * VL);
/* v = x - mean and g act'(y) of row r. */
#define READ(r)                                    \
  load_strip(v, j->x + c + (r)*j->jump, n, full);  \
  load_strip(g, j->g + c + (r)*j->jump, n, full);  \
  EACH v[k] -= m[k], y[k] = v[k] * w[k] + beta[k]; \
  return_strip(j, g, y)
  for (int64_t first = 0; first < j->segments; first += BLOCK_ROWS) {
    const int64_t last = j->segments - first < BLOCK_ROWS ? j->segments : first + BLOCK_ROWS;
    EACH a[k] = b[k] = splat(0);
    for (int64_t r = first; r < last; r++) {
      READ(r);
      EACH a[k] += g[k], b[k] += g[k] * v[k];
    }
    real block_g[COLUMNS], block_gd[COLUMNS];
    EACH store(block_g + k * VL, a[k]), store(block_gd + k * VL, b[k]);
    for (int i = 0; i < COLUMNS; i++) sum_g[i] += block_g[i], sum_gd[i] += block_gd[i];
  }
  for (int64_t i = 0; i < n; i++) {
    const int64_t u = c + i;
    const double r = j->rstd[u], weight = j->weight ? j->weight[u] : 1, count = (double)j->segments;
    if (j->dw) j->dw[u] = (real)(sum_gd[i] * r), j->db[u] = (real)sum_g[i];
    slope[i] = j->given ? 0 : (real)(weight * sum_gd[i] / count * r * r * r);
    shift[i] = j->given ? 0 : (real)(weight * sum_g[i] / count * r);
  }
  if (!j->out) return;
  EACH a[k] = load(slope + k * VL), b[k] = load(shift + k * VL);
  for (int64_t r = 0; r < j->segments; r++) {
    READ(r);
    EACH v[k] = g[k] * w[k] - v[k] * a[k] - b[k];
    store_strip(j->out + c + r * j->jump, v, n, full);
  }
#undef READ
}

STRIPS(forward_strips, const norm_job, strip_forward)
STRIPS(backward_strips, const norm_job, strip_backward)

static void run(kg_body *body, norm_job *j) {
  j->width = j->units, j->strips = strips_in(j->units);
  kg_parallel(body, j, j->strips, GRAIN / (COLUMNS * j->segments) + 1);
}
void NAME(standardize_columns)(norm_job *j) { run(forward_strips, j); }
void NAME(standardize_columns_backward)(norm_job *j) { run(backward_strips, j); }
