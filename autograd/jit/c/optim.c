/* g = direction g + weight_decay p;
 * b = momentum b + (1 - dampening) g (at the first step b = g) where there is momentum, else b is NULL;
 * p -= lr (g + momentum b if nesterov, else b, or g without momentum) */
static void sgd(int64_t count, real *p, const real *grad, real *buffer, int first, real lr, real momentum,
                real dampening, real weight_decay, real direction, int nesterov) {
  for (int64_t i = 0; i < count; i++) {
    real g = direction * grad[i] + weight_decay * p[i];
    if (buffer) {
      buffer[i] = first ? g : momentum * buffer[i] + (1 - dampening) * g;
      g = nesterov ? g + momentum * buffer[i] : buffer[i];
    }
    p[i] -= lr * g;
  }
}

/* g = direction g + weight_decay p, or p -= lr weight_decay p where the decay is decoupled (AdamW);
 * m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  w = max(w, v) (AMSGrad; else NULL);
 * p -= lr / (1 - beta1^step) m / (sqrt(v or w) / sqrt(1 - beta2^step) + eps) */
static void adam(int64_t count, real *p, const real *grad, real *m, real *v, real *w, int64_t step, double lr,
                 double beta1, double beta2, double eps, double weight_decay, real direction, int decoupled) {
  const real rate = (real)(lr / (1 - pow(beta1, (double)step)));
  const real root = (real)sqrt(1 - pow(beta2, (double)step));
  const real shrink = (real)(decoupled ? 1 - lr * weight_decay : 1);
  const real decay = (real)(decoupled ? 0 : weight_decay);
  const real keep = (real)beta2, rest1 = (real)(1 - beta1), rest2 = (real)(1 - beta2), small = (real)eps;
  for (int64_t i = 0; i < count; i++) {
    p[i] *= shrink;
    const real g = direction * grad[i] + decay * p[i];
    m[i] += rest1 * (g - m[i]);
    v[i] = keep * v[i] + rest2 * (g * g);
    if (w) w[i] = maximum(w[i], v[i]);
    p[i] -= rate * m[i] / (sqrt(w ? w[i] : v[i]) / root + small);
  }
}

/* g = direction g + weight_decay p;  v = alpha v + (1 - alpha) g^2;
 * a += (1 - alpha) (g - a) where centered (else NULL);  d = g / (sqrt(v - a^2) + eps);
 * b = momentum b + d where there is momentum (else NULL);  p -= lr (b or d) */
static void rmsprop(int64_t count, real *p, const real *grad, real *v, real *a, real *b, real lr,
                    double alpha, real eps, real weight_decay, real momentum, real direction) {
  const real keep = (real)alpha, rest = (real)(1 - alpha);
  for (int64_t i = 0; i < count; i++) {
    const real g = direction * grad[i] + weight_decay * p[i];
    v[i] = keep * v[i] + rest * (g * g);
    if (a) a[i] += rest * (g - a[i]);
    real d = g / (sqrt(a ? v[i] - a[i] * a[i] : v[i]) + eps);
    if (b) d = b[i] = momentum * b[i] + d;
    p[i] -= lr * d;
  }
}

/* *norm = the norm of all gradients; where it is above max_norm (or NaN, unless `keep`) they are scaled
 * down to it. */
static void clip_norm(int64_t rows, const int64_t *counts, real *const *grads, double *norm, int keep,
                      double max_norm) {
  double total = 0;
  for (int64_t k = 0; k < rows; k++)
    for (int64_t i = 0; i < counts[k]; i++) total += (double)grads[k][i] * grads[k][i];
  *norm = sqrt(total);
  const double scale = max_norm / (*norm + 1e-6);
  if (scale >= 1 || (keep && !isfinite(*norm))) return;
  for (int64_t k = 0; k < rows; k++)
    for (int64_t i = 0; i < counts[k]; i++) grads[k][i] *= (real)scale;
}
