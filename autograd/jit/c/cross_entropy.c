/* Logits (rows, columns, inner), their rows x_row elements apart, and what class each (row, inner) belongs
 * to. */
typedef struct {
  const real *x;
  const int64_t *targets;
  const real *weight; /* of each class, or NULL */
  int64_t rows, columns, inner, x_row, ignored;
  real smoothing;
} logits;

/* The sum of all classes' weights. */
static real all_weights(const logits *l) {
  double sum = l->weight ? 0 : (double)l->columns;
  for (int64_t c = 0; l->weight && c < l->columns; c++) sum += l->weight[c];
  return (real)sum;
}

static real weight_of(const logits *l, int64_t target) { return l->weight ? l->weight[target] : 1; }

/* losses = (1 - e) w[t] (-log p[t]) + e / columns * sum of w[c] (-log p[c]), p the softmax, e the
 * smoothing; saved (rows, 2, inner): the largest logit and the logarithm of the sum of exp(x - largest). */
static void cross_entropy(logits l, real *losses, real *saved) {
  const real share = l.smoothing / (real)l.columns, weights = all_weights(&l);
  for (int64_t i = 0; i < l.rows * l.inner; i++) {
    const int64_t row = i / l.inner, at = i % l.inner, target = l.targets[i];
    const real *x = l.x + row * l.x_row + at;
    real top = x[0], sum = 0, shifted = 0, loss = 0;
    for (int64_t c = 1; c < l.columns; c++) top = maximum(top, x[c * l.inner]);
    for (int64_t c = 0; c < l.columns; c++) {
      sum += exp(x[c * l.inner] - top);
      shifted += weight_of(&l, c) * (x[c * l.inner] - top);
    }
    const real log_sum = log(sum);
    assert(target == l.ignored || (target >= 0 && target < l.columns));
    if (target != l.ignored) {
      loss = (1 - l.smoothing) * weight_of(&l, target) * (log_sum - (x[target * l.inner] - top));
      if (l.smoothing != 0) loss += share * (weights * log_sum - shifted);
    }
    losses[i] = loss;
    saved[2 * row * l.inner + at] = top;
    saved[(2 * row + 1) * l.inner + at] = log_sum;
  }
}

/* result[0] = the losses' sum times a factor, result[1] = that factor: 1, or of the mean 1 / the targets'
 * weights. */
static void total_loss(logits l, const real *losses, int mean, real *result) {
  double sum = 0, counted = 0;
  for (int64_t i = 0; i < l.rows * l.inner; i++) {
    sum += losses[i];
    if (l.targets[i] != l.ignored) counted += weight_of(&l, l.targets[i]);
  }
  const double factor = mean ? 1 / counted : 1;
  result[0] = mean && counted == 0 ? (real)NAN : (real)(sum * factor);
  result[1] = (real)factor;
}

/* The gradient in the logits: g times (softmax - what is wanted). g has a number for each loss (g_step 1),
 * or one for their result (g_step 0), whose factor is result[1]. */
static void cross_entropy_backward(logits l, const real *saved, const real *result, const real *g,
                                   int64_t g_step, real *dx) {
  const real share = l.smoothing / (real)l.columns, weights = all_weights(&l);
  for (int64_t i = 0; i < l.rows * l.inner; i++) {
    const int64_t row = i / l.inner, at = i % l.inner, target = l.targets[i];
    const real *x = l.x + row * l.x_row + at;
    real *to = dx + row * l.columns * l.inner + at;
    assert(target == l.ignored || (target >= 0 && target < l.columns));
    if (target == l.ignored) {
      for (int64_t c = 0; c < l.columns; c++) to[c * l.inner] = 0;
      continue;
    }
    const real top = saved[2 * row * l.inner + at], log_sum = saved[(2 * row + 1) * l.inner + at];
    const real scale = g[i * g_step] * (result ? result[1] : 1);
    const real own = (1 - l.smoothing) * weight_of(&l, target) * scale, each = share * scale;
    for (int64_t c = 0; c < l.columns; c++)
      to[c * l.inner] =
          exp(x[c * l.inner] - top - log_sum) * (own + each * weights) - each * weight_of(&l, c);
    to[target * l.inner] -= own;
  }
}
