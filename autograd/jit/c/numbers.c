/* The larger of two numbers; NaN wins. */
static real maximum(real a, real b) { return a != a || a > b ? a : b; }

/* The smaller of two numbers; NaN wins. */
static real minimum(real a, real b) { return a != a || a < b ? a : b; }

static real relu(real x) { return x < 0 ? 0 : x; }

static real sign(real x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

/* 1 / (1 + exp(-x)), by exp(-|x|), which doesn't overflow. */
static real sigmoid(real x) {
  const real e = exp(-fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/* log(1 + exp(x)) */
static real softplus(real x) { return maximum(x, 0) + log1p(exp(-fabs(x))); }

static real silu(real x) { return x * sigmoid(x); }

/* g times the derivative of x sigmoid(x). */
static real silu_gradient(real g, real x) {
  const real s = sigmoid(x), rest = sigmoid(-x);
  return g * (s * (1 + x * rest));
}

/* The probability that a normal number is below x. */
static real normal_cdf(real x) { return (real)0.5 * erfc(x * (real)-0.70710678118654752); }

static real gelu(real x) { return x * normal_cdf(x); }

/* g times the derivative of x normal_cdf(x). */
static real gelu_gradient(real g, real x) {
  const real density = (real)0.39894228040143268 * exp(x * x * (real)-0.5);
  return g * (normal_cdf(x) + x * density);
}
