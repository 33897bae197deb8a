/* KG_SOFTMAX and KG_SOFTMAX_BACKWARD: softmax and log_softmax of every row, and their gradients.
 *
 * Formula   y = exp(x - m) / s  or  (x - m) - log s,  m = max x, s = sum exp(x - m);
 *           dx = y (g - sum(g y))  or  g - exp(y) sum(g).
 * Shapes    (rows, columns), contiguous rows, the row strides of x and g given; or (rows, columns, inner), all
 *           contiguous, over columns: a strip of inner at a time, a sum in every lane.
 * Aliasing  y may be x, dx may be g.
 * Threads   the rows are cut among them. */
#include "lanes.h"
#include "parallel.h"
#include "strip.h"

typedef struct {
  const real *x, *g; /* backward: x is y */
  real *out;
  int64_t columns, x_stride, g_stride;
  int64_t width, strips; /* of inner */
  int log;
} rows;

static real row_maximum(const real *x, int64_t n) {
  vec a = load_filled(x, n, -(real)INFINITY), b = a;
  int64_t i = VL;
  for (; i + 2 * VL <= n; i += 2 * VL) a = maximum(a, load(x + i)), b = maximum(b, load(x + i + VL));
  for (; i < n; i += VL) a = maximum(a, load_filled(x + i, n - i, -(real)INFINITY));
  return maximum_of_lanes(maximum(a, b));
}

/* One row. Whole vectors go two by two; `log` is a constant. */
INLINE void forward_row(const real *x, real *y, int64_t n, int log) {
  const real top = row_maximum(x, n);
  vec a = splat(0), b = a;
  int64_t i = 0;
  for (; i + 2 * VL <= n; i += 2 * VL) {
    vec u = exp_v(load(x + i) - top), v = exp_v(load(x + i + VL) - top);
    a += u, b += v;
    if (!log) store(y + i, u), store(y + i + VL, v);
  }
  for (; i < n; i += VL) {
    vec u = exp_v(load_filled(x + i, n - i, -(real)INFINITY) - top);
    a += n - i >= VL ? u : choose(first_lanes(n - i), u, splat(0)); /* a row of -inf: NaN past the end */
    if (!log) store_first(y + i, u, n - i);
  }
  const real total = sum_of_lanes(a + b), shift = log ? log_v(splat(total))[0] : 0, scale = 1 / total;
  for (i = 0; i + VL <= n; i += VL) store(y + i, log ? load(x + i) - top - shift : load(y + i) * scale);
  if (i < n) store_n(y + i, log ? load_n(x + i, n - i) - top - shift : load_n(y + i, n - i) * scale, n - i);
}

static void forward_rows(void *context, int64_t begin, int64_t end, int worker) {
  const rows *r = context;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    const real *x = r->x + row * r->x_stride;
    real *y = r->out + row * r->columns;
    if (r->log) forward_row(x, y, r->columns, 1);
    else forward_row(x, y, r->columns, 0);
  }
}

static void backward_rows(void *context, int64_t begin, int64_t end, int worker) {
  const rows *r = context;
  const int64_t n = r->columns;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    const real *y = r->x + row * r->x_stride, *g = r->g + row * r->g_stride;
    real *dx = r->out + row * n;
    vec sum = splat(0);
    for (int64_t i = 0; i < n; i += VL) {
      vec v = load_filled(g + i, n - i, 0);
      sum += r->log ? v : v * load_filled(y + i, n - i, 0);
    }
    real total = sum_of_lanes(sum);
    for (int64_t i = 0; i < n; i += VL) {
      vec v = load_filled(g + i, n - i, 0), z = load_filled(y + i, n - i, 0);
      store_first(dx + i, r->log ? v - exp_v(z) * total : z * (v - total), n - i);
    }
  }
}

INLINE void forward_strip(const rows *r, int64_t row, int64_t first, int64_t n, int full) {
  const int64_t start = row * r->columns * r->width + first;
  const real *x = r->x + start;
  real *y = r->out + start;
  vec top[WIDE], sum[WIDE], v[WIDE];
  load_strip(top, x, n, full);
  for (int64_t c = 1; c < r->columns; c++) {
    load_strip(v, x + c * r->width, n, full);
    EACH top[k] = maximum(top[k], v[k]);
  }
  EACH sum[k] = splat(0);
  for (int64_t c = 0; c < r->columns; c++) {
    load_strip(v, x + c * r->width, n, full);
    EACH v[k] = exp_v(v[k] - top[k]), sum[k] += v[k];
    if (!r->log) store_strip(y + c * r->width, v, n, full);
  }
  if (r->log) EACH sum[k] = log_v(sum[k]);
  else EACH sum[k] = 1 / sum[k];
  for (int64_t c = 0; c < r->columns; c++) {
    load_strip(v, (r->log ? x : y) + c * r->width, n, full);
    if (r->log) EACH v[k] = v[k] - top[k] - sum[k];
    else EACH v[k] *= sum[k];
    store_strip(y + c * r->width, v, n, full);
  }
}

INLINE void backward_strip(const rows *r, int64_t row, int64_t first, int64_t n, int full) {
  const int64_t start = row * r->columns * r->width + first;
  const real *y = r->x + start, *g = r->g + start;
  vec sum[WIDE], v[WIDE], z[WIDE];
  EACH sum[k] = splat(0);
  for (int64_t c = 0; c < r->columns; c++) {
    load_strip(v, g + c * r->width, n, full);
    if (!r->log) load_strip(z, y + c * r->width, n, full);
    EACH sum[k] += r->log ? v[k] : v[k] * z[k];
  }
  for (int64_t c = 0; c < r->columns; c++) {
    load_strip(v, g + c * r->width, n, full);
    load_strip(z, y + c * r->width, n, full);
    EACH v[k] = r->log ? v[k] - exp_v(z[k]) * sum[k] : z[k] * (v[k] - sum[k]);
    store_strip(r->out + start + c * r->width, v, n, full);
  }
}

STRIPS(forward_strips, const rows, forward_strip)
STRIPS(backward_strips, const rows, backward_strip)

static int run(rows *r, kg_body *by_rows, kg_body *by_strips, int64_t count, int64_t inner) {
  const int64_t n = r->columns;
  if (n < 1 || inner < 1) return KG_OK;
  r->width = inner, r->strips = strips_in(inner);
  if (inner == 1) kg_parallel(by_rows, r, count, 32768 / n + 1);
  else kg_parallel(by_strips, r, count * r->strips, 32768 / (n * COLUMNS) + 1);
  return KG_OK;
}

int NAME(softmax)(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  rows r = {.x = in->args[0], .out = in->args[1], .columns = s[1], .log = (int)s[2], .x_stride = s[3]};
  return run(&r, forward_rows, forward_strips, s[0], s[4]);
}

int NAME(softmax_backward)(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  rows r = {.x = in->args[0], .g = in->args[1], .out = in->args[2], .columns = s[1], .log = (int)s[2]};
  r.x_stride = s[3], r.g_stride = s[4];
  return run(&r, backward_rows, backward_strips, s[0], s[5]);
}
