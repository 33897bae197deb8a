/* KG_CROSS_ENTROPY and KG_CROSS_ENTROPY_BACKWARD: log_softmax and negative log-likelihood in one.
 *
 * Formula   loss = log s - (1 - e) (x[t] - m) - e/C sum(x - m),  m = max x, s = sum exp(x - m);
 *           dx = g (exp(x - m - log s) - q),  q = e/C everywhere and (1 - e) more at the target t;
 *           loss and dx are 0 in rows whose target is ignore_index. e is the label smoothing.
 * Shapes    x (N, C) with contiguous rows, targets (N) int64, losses (N), saved (N, 2): m and log s. They
 *           are kept apart: their sum would lose the digits of log s where m is large.
 * Errors    KG_BAD_INDEX when a target is neither in [0, C) nor ignore_index.
 * Threads   the rows are cut among them. */
#include "lanes.h"
#include "parallel.h"

typedef struct {
  const real *x, *g;
  const int64_t *targets;
  real *out, *saved; /* out: losses, or dx */
  int64_t columns, x_stride, g_stride, ignore;
  real smoothing;
  int bad;
} batch;

static void loss_rows(void *context, int64_t begin, int64_t end, int worker) {
  batch *b = context;
  const int64_t n = b->columns;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    const real *x = b->x + row * b->x_stride;
    int64_t target = b->targets[row];
    int ignored = target == b->ignore;
    if (!ignored && (target < 0 || target >= n)) {
      __atomic_store_n(&b->bad, 1, __ATOMIC_RELAXED);
      return;
    }
    vec top = load_filled(x, n, -(real)INFINITY);
    for (int64_t i = VL; i < n; i += VL) top = maximum(top, load_filled(x + i, n - i, -(real)INFINITY));
    real m = maximum_of_lanes(top);
    vec exps = splat(0), shifted = splat(0);
    for (int64_t i = 0; i < n; i += VL) {
      vec v = load_filled(x + i, n - i, m) - m;
      exps += n - i >= VL ? exp_v(v) : choose(first_lanes(n - i), exp_v(v), splat(0));
      shifted += v;
    }
    real log_sum = log_v(splat(sum_of_lanes(exps)))[0];
    b->saved[2 * row] = m;
    b->saved[2 * row + 1] = log_sum;
    if (ignored) {
      b->out[row] = 0;
      continue;
    }
    real loss = log_sum - (1 - b->smoothing) * (x[target] - m);
    if (b->smoothing != 0) loss -= b->smoothing / (real)n * sum_of_lanes(shifted);
    b->out[row] = loss;
  }
}

static void gradient_rows(void *context, int64_t begin, int64_t end, int worker) {
  batch *b = context;
  const int64_t n = b->columns;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    const real *x = b->x + row * b->x_stride;
    real *dx = b->out + row * n, g = b->g[row * b->g_stride];
    int64_t target = b->targets[row];
    if (target == b->ignore) {
      memset(dx, 0, (size_t)n * sizeof(real));
      continue;
    }
    if (target < 0 || target >= n) {
      __atomic_store_n(&b->bad, 1, __ATOMIC_RELAXED);
      return;
    }
    real m = b->saved[2 * row], log_sum = b->saved[2 * row + 1], share = b->smoothing / (real)n;
    for (int64_t i = 0; i < n; i += VL) {
      vec p = exp_v(load_filled(x + i, n - i, m) - m - log_sum);
      store_first(dx + i, (p - share) * g, n - i);
    }
    dx[target] -= (1 - b->smoothing) * g;
  }
}

int NAME(cross_entropy)(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  batch b = {.x = in->args[0], .targets = in->args[1], .out = in->args[2], .saved = in->args[3]};
  b.columns = s[1];
  b.x_stride = s[2];
  b.ignore = s[3];
  b.smoothing = (real)in->values[0];
  if (s[1] < 1) return KG_BAD_ARGUMENT;
  kg_parallel(loss_rows, &b, s[0], 32768 / s[1] + 1);
  return b.bad ? KG_BAD_INDEX : KG_OK;
}

int NAME(cross_entropy_backward)(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  batch b = {.x = in->args[0], .targets = in->args[1], .saved = in->args[2], .g = in->args[3]};
  b.out = in->args[4];
  b.columns = s[1];
  b.x_stride = s[2];
  b.ignore = s[3];
  b.g_stride = s[4];
  b.smoothing = (real)in->values[0];
  if (s[1] < 1) return KG_BAD_ARGUMENT;
  kg_parallel(gradient_rows, &b, s[0], 32768 / s[1] + 1);
  return b.bad ? KG_BAD_INDEX : KG_OK;
}
