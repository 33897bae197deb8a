/* KG_SOFTMAX and KG_SOFTMAX_BACKWARD: softmax and log_softmax of every row, and their gradients.
 *
 * Formula   y = exp(x - m) / s  or  (x - m) - log s,  m = max x, s = sum exp(x - m);
 *           dx = y (g - sum(g y))  or  g - exp(y) sum(g).
 * Shapes    (rows, columns), contiguous rows; the row strides of x and g are given, all else is contiguous.
 * Aliasing  y may be x, dx may be g.
 * Threads   the rows are cut among them. */
#include "lanes.h"
#include "parallel.h"

typedef struct {
  const real *x, *g; /* backward: x is y */
  real *out;
  int64_t columns, x_stride, g_stride;
  int log;
} rows;

static real row_maximum(const real *x, int64_t n) {
  vec top = load_filled(x, n, -(real)INFINITY);
  for (int64_t i = VL; i < n; i += VL) top = maximum(top, load_filled(x + i, n - i, -(real)INFINITY));
  return maximum_of_lanes(top);
}

static void forward_rows(void *context, int64_t begin, int64_t end, int worker) {
  const rows *r = context;
  const int64_t n = r->columns;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    const real *x = r->x + row * r->x_stride;
    real *y = r->out + row * n, top = row_maximum(x, n);
    vec sum = splat(0);
    for (int64_t i = 0; i < n; i += VL) {
      vec e = exp_v(load_filled(x + i, n - i, -(real)INFINITY) - top);
      sum += n - i >= VL ? e : choose(first_lanes(n - i), e, splat(0)); /* a row of -inf: NaN past the end */
      if (!r->log) store_first(y + i, e, n - i);
    }
    real total = sum_of_lanes(sum);
    if (r->log) {
      real shift = log_v(splat(total))[0];
      for (int64_t i = 0; i < n; i += VL)
        store_first(y + i, load_filled(x + i, n - i, 0) - top - shift, n - i);
    } else {
      real scale = 1 / total;
      for (int64_t i = 0; i < n; i += VL) store_first(y + i, load_filled(y + i, n - i, 0) * scale, n - i);
    }
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

int NAME(softmax)(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  rows r = {.x = in->args[0], .out = in->args[1], .columns = s[1], .log = (int)s[2], .x_stride = s[3]};
  if (s[1] > 0) kg_parallel(forward_rows, &r, s[0], 32768 / s[1] + 1);
  return KG_OK;
}

int NAME(softmax_backward)(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  rows r = {.x = in->args[0], .g = in->args[1], .out = in->args[2], .columns = s[1], .log = (int)s[2]};
  r.x_stride = s[3];
  r.g_stride = s[4];
  if (s[1] > 0) kg_parallel(backward_rows, &r, s[0], 32768 / s[1] + 1);
  return KG_OK;
}
