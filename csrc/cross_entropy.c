/* KG_CROSS_ENTROPY and KG_CROSS_ENTROPY_BACKWARD: log_softmax and negative log-likelihood in one.
 *
 * Formula   with m = max x, s = sum exp(x - m), class weights w (1 where not given), label smoothing e:
 *           loss = (1 - e) w[t] (log s - (x[t] - m)) + e/C sum over c of w[c] (log s - (x[c] - m));
 *           dx = g (p a - e/C w - (1 - e) w[t] at the target),  p = exp(x - m - log s),
 *           a = (1 - e) w[t] + e/C sum w;     both are 0 where the target is ignore_index.
 *           result: the losses' sum times a factor, and that factor: 1, or for the mean 1 / sum w[t].
 * Shapes    x (N, C) with contiguous rows, or (N, C, inner), contiguous, over C: a strip of inner at a time, a
 *           loss in every lane. targets int64 and losses (N, inner), saved (N, 2, inner): m and log s. They are
 *           kept apart: their sum would lose the digits of log s where m is large.
 * Errors    KG_BAD_INDEX when a target is neither in [0, C) nor ignore_index.
 * Threads   losses are cut among them and summed by one: the result does not depend on how many there are. */
#include "parallel.h"
#include "strip.h"

enum { NONE, SUM, MEAN };

typedef struct {
  const real *x, *weight, *g, *result;
  const int64_t *targets;
  real *out, *saved; /* out: losses, or dx */
  int64_t columns, x_stride, g_stride, ignore;
  int64_t width, strips;   /* of inner */
  real smoothing, weights; /* weights: their sum */
  int bad;
} batch;

static int valid(batch *b, int64_t target) {
  if (target == b->ignore || (target >= 0 && target < b->columns)) return 1;
  __atomic_store_n(&b->bad, 1, __ATOMIC_RELAXED);
  return 0;
}

/* What the target's own term counts. */
INLINE real own(const batch *b, int64_t target) {
  return target == b->ignore ? 0 : (1 - b->smoothing) * (b->weight ? b->weight[target] : 1);
}
/* What every class's term counts: smoothing / C, times its weight. */
INLINE real share(const batch *b) { return b->smoothing / (real)b->columns; }

static void loss_rows(void *context, int64_t begin, int64_t end, int worker) {
  batch *b = context;
  const int64_t n = b->columns;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    const real *x = b->x + row * b->x_stride;
    const int64_t target = b->targets[row];
    if (!valid(b, target)) return;
    vec top = load_filled(x, n, -(real)INFINITY), next = top;
    int64_t i = VL;
    for (; i + 2 * VL <= n; i += 2 * VL)
      top = maximum(top, load(x + i)), next = maximum(next, load(x + i + VL));
    for (; i < n; i += VL) top = maximum(top, load_filled(x + i, n - i, -(real)INFINITY));
    const real m = maximum_of_lanes(maximum(top, next));
    vec exps = splat(0), more = exps, shifted = exps;
    i = 0;
    if (b->smoothing == 0)
      for (; i + 2 * VL <= n; i += 2 * VL)
        exps += exp_v(load(x + i) - m), more += exp_v(load(x + i + VL) - m);
    for (; i < n; i += VL) {
      vec v = load_filled(x + i, n - i, m) - m, e = exp_v(v);
      exps += n - i >= VL ? e : choose(first_lanes(n - i), e, splat(0));
      if (b->smoothing != 0) shifted += b->weight ? v * load_filled(b->weight + i, n - i, 0) : v;
    }
    const real log_sum = log_v(splat(sum_of_lanes(exps + more)))[0];
    b->saved[2 * row] = m, b->saved[2 * row + 1] = log_sum;
    real loss = 0;
    if (target != b->ignore) loss = own(b, target) * (log_sum - (x[target] - m));
    if (b->smoothing != 0 && target != b->ignore)
      loss += share(b) * (b->weights * log_sum - sum_of_lanes(shifted));
    b->out[row] = loss;
  }
}

static void gradient_rows(void *context, int64_t begin, int64_t end, int worker) {
  batch *b = context;
  const int64_t n = b->columns;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    const real *x = b->x + row * b->x_stride;
    real *dx = b->out + row * n, g = b->g[row * b->g_stride] * (b->result ? b->result[1] : 1);
    const int64_t target = b->targets[row];
    if (!valid(b, target)) return;
    if (target == b->ignore) {
      memset(dx, 0, (size_t)n * sizeof(real));
      continue;
    }
    const real m = b->saved[2 * row], log_sum = b->saved[2 * row + 1];
    const real each = share(b) * g, all = own(b, target) * g + each * b->weights;
    for (int64_t i = 0; i < n; i += VL) {
      vec p = exp_v(load_filled(x + i, n - i, m) - m - log_sum);
      vec w = b->weight ? load_filled(b->weight + i, n - i, 0) : splat(1);
      store_first(dx + i, p * all - w * each, n - i);
    }
    dx[target] -= own(b, target) * g;
  }
}

INLINE void loss_strip(batch *b, int64_t row, int64_t first, int64_t n, int full) {
  const real *x = b->x + row * b->columns * b->width + first;
  const int64_t *targets = b->targets + row * b->width + first;
  for (int64_t i = 0; i < n; i++)
    if (!valid(b, targets[i])) return;
  vec top[WIDE], sum[WIDE], shifted[WIDE], v[WIDE];
  load_strip(top, x, n, full);
  for (int64_t c = 1; c < b->columns; c++) {
    load_strip(v, x + c * b->width, n, full);
    EACH top[k] = maximum(top[k], v[k]);
  }
  EACH sum[k] = shifted[k] = splat(0);
  for (int64_t c = 0; c < b->columns; c++) {
    const real w = b->weight ? b->weight[c] : 1;
    load_strip(v, x + c * b->width, n, full);
    EACH v[k] -= top[k], sum[k] += exp_v(v[k]), shifted[k] += v[k] * w;
  }
  real *saved = b->saved + 2 * row * b->width + first;
  EACH sum[k] = log_v(sum[k]);
  store_strip(saved, top, n, full);
  store_strip(saved + b->width, sum, n, full);
  real rest[COLUMNS];
  EACH store(rest + k * VL, b->weights * sum[k] - shifted[k]);
  for (int64_t i = 0; i < n; i++) {
    const int64_t t = targets[i];
    real loss = 0;
    if (t != b->ignore) loss = own(b, t) * (saved[b->width + i] - (x[t * b->width + i] - saved[i]));
    if (b->smoothing != 0 && t != b->ignore) loss += share(b) * rest[i]; /* infinite for logits of -inf */
    b->out[row * b->width + first + i] = loss;
  }
}

INLINE void gradient_strip(batch *b, int64_t row, int64_t first, int64_t n, int full) {
  const int64_t start = row * b->columns * b->width + first, at = row * b->width + first;
  const int64_t *targets = b->targets + at;
  const real factor = b->result ? b->result[1] : 1;
  real each_lane[COLUMNS] = {0}, all_lane[COLUMNS] = {0}, own_lane[COLUMNS] = {0};
  lane kept[COLUMNS] = {0};
  for (int64_t i = 0; i < n; i++) {
    if (!valid(b, targets[i])) return;
    const real g = b->g[(at + i) * b->g_stride] * factor;
    kept[i] = targets[i] == b->ignore ? 0 : -1;
    own_lane[i] = own(b, targets[i]) * g;
    each_lane[i] = kept[i] ? share(b) * g : 0;
    all_lane[i] = own_lane[i] + each_lane[i] * b->weights;
  }
  vec m[WIDE], log_sum[WIDE], v[WIDE], each[WIDE], all[WIDE];
  mask keep[WIDE];
  load_strip(m, b->saved + 2 * row * b->width + first, n, full);
  load_strip(log_sum, b->saved + (2 * row + 1) * b->width + first, n, full);
  EACH each[k] = load(each_lane + k * VL), all[k] = load(all_lane + k * VL);
  EACH memcpy(&keep[k], kept + k * VL, sizeof keep[k]);
  for (int64_t c = 0; c < b->columns; c++) {
    const real w = b->weight ? b->weight[c] : 1;
    load_strip(v, b->x + start + c * b->width, n, full);
    EACH v[k] = (vec)(keep[k] & (mask)(exp_v(v[k] - m[k] - log_sum[k]) * all[k] - each[k] * w));
    store_strip(b->out + start + c * b->width, v, n, full);
  }
  for (int64_t i = 0; i < n; i++)
    if (kept[i]) b->out[start + targets[i] * b->width + i] -= own_lane[i];
}

STRIPS(loss_strips, batch, loss_strip)
STRIPS(gradient_strips, batch, gradient_strip)

static batch batch_of(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  batch b = {.x = in->args[0], .targets = in->args[1], .weight = in->args[2], .columns = s[1]};
  b.width = s[2], b.strips = strips_in(s[2]), b.x_stride = s[3], b.ignore = s[4];
  b.smoothing = (real)in->values[0];
  double weights = b.weight ? 0 : (double)s[1];
  for (int64_t c = 0; b.weight && c < s[1]; c++) weights += b.weight[c];
  b.weights = (real)weights;
  return b;
}

static int run(batch *b, kg_body *by_rows, kg_body *by_strips, int64_t count) {
  if (b->columns < 1 || b->width < 1) return KG_BAD_ARGUMENT;
  if (b->width == 1) kg_parallel(by_rows, b, count, 32768 / b->columns + 1);
  else kg_parallel(by_strips, b, count * b->strips, 32768 / (b->columns * COLUMNS) + 1);
  return b->bad ? KG_BAD_INDEX : KG_OK;
}

int NAME(cross_entropy)(const kg_instruction *in) {
  batch b = batch_of(in);
  real *result = in->args[5];
  b.out = in->args[3], b.saved = in->args[4];
  const int error = run(&b, loss_rows, loss_strips, in->sizes[0]);
  if (error || in->sizes[5] == NONE) return error;
  double sum = 0, counted = 0;
  for (int64_t i = 0; i < in->sizes[0] * b.width; i++) {
    sum += b.out[i];
    if (b.targets[i] != b.ignore) counted += b.weight ? b.weight[b.targets[i]] : 1;
  }
  const double factor = in->sizes[5] == MEAN ? 1 / counted : 1;
  result[0] = (real)(in->sizes[5] == MEAN && counted == 0 ? (double)NAN : sum * factor);
  result[1] = (real)factor;
  return KG_OK;
}

int NAME(cross_entropy_backward)(const kg_instruction *in) {
  batch b = batch_of(in);
  b.saved = in->args[3], b.result = in->args[4], b.g = in->args[5], b.out = in->args[6];
  b.g_stride = in->sizes[5];
  return run(&b, gradient_rows, gradient_strips, in->sizes[0]);
}
