/* KG_MAX_POOL_SPREAD: the gradient of max pooling over windows that lie apart, without an index.
 *
 *   x' = 0, then x'[place] = g[p, q] where x[place] is the maximum y[p, q] of its window
 *
 * The window is looked through again: that reads x, but forward need not find, nor write, an index of twice
 * x's bytes a number. Of equal numbers the first is meant, of several NaN the last, as in KG_MAX_POOL.
 *
 * Windows are as long as the strides, no padding, no dilation. Arrays contiguous, none overlap. Planes are
 * shared out over the threads. */
#include "lanes.h"
#include "pool.h"

typedef struct {
  pool_shape s;
  const real *x, *y, *g;
  real *out;
} spread_job;

/* Every second of n reals from p on. */
INLINE vec seconds(const real *p, int64_t n) {
  if (n >= 2 * VL - 1) return evens(load(p), load(p + VL - 1));
  return evens(load_n(p, least(n, VL)), n >= VL ? load_n(p + VL - 1, n - VL + 1) : splat(0));
}

/* n reals of two vectors that follow each other. */
INLINE void store_both(real *p, vec a, vec b, int64_t n) {
  store_first(p, a, n);
  if (n > VL) store_first(p + VL, b, n - VL);
}

/* One window, of any size. */
static void spread_window(const pool_shape *s, const real *x, real *out, real y, real g) {
  real *place = 0;
  for (int64_t r = 0; r < s->R; r++)
    for (int64_t t = 0; t < s->S; t++) {
      const real value = x[r * s->W + t];
      out[r * s->W + t] = 0;
      if (y == y ? !place && value == y : value != value) place = &out[r * s->W + t];
    }
  if (place) *place = g;
}

/* n windows (VL at most) of 2 x 2 side by side. */
INLINE void spread_vector(const pool_shape *s, const real *x, real *out, const real *y, const real *g,
                          int64_t n) {
  const vec best = load_filled(y, n, 0), given = load_filled(g, n, 0), zero = splat(0);
  const real *below = x + s->W;
  const mask in_a = seconds(x, 2 * n) == best;
  const mask in_b = (seconds(x + 1, 2 * n - 1) == best) & ~in_a;
  const mask in_c = (seconds(below, 2 * n) == best) & ~(in_a | in_b);
  const mask in_d = (seconds(below + 1, 2 * n - 1) == best) & ~(in_a | in_b | in_c);
  const vec a = choose(in_a, given, zero), b = choose(in_b, given, zero);
  const vec c = choose(in_c, given, zero), d = choose(in_d, given, zero);
  store_both(out, interleave_low(a, b), interleave_high(a, b), 2 * n);
  store_both(out + s->W, interleave_low(c, d), interleave_high(c, d), 2 * n);
}

static int any_nan(const real *y, int64_t n) {
  int found = 0;
  for (int64_t i = 0; i < n; i++) found |= y[i] != y[i];
  return found;
}

static void spread_planes(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const spread_job *job = context;
  const pool_shape *s = &job->s;
  for (int64_t plane = begin; plane < end; plane++) {
    const real *x = job->x + plane * s->H * s->W;
    real *out = job->out + plane * s->H * s->W;
    for (int64_t p = 0; p < s->P; p++) {
      const real *y = job->y + (plane * s->P + p) * s->Q, *g = job->g + (plane * s->P + p) * s->Q;
      const int64_t row = p * s->R * s->W;
      int64_t q = 0;
      if (s->R == 2 && s->S == 2 && !any_nan(y, s->Q))
        for (; q < s->Q; q += VL)
          spread_vector(s, x + row + 2 * q, out + row + 2 * q, y + q, g + q, least(VL, s->Q - q));
      for (; q < s->Q; q++) spread_window(s, x + row + q * s->S, out + row + q * s->S, y[q], g[q]);
      const int64_t beyond = s->W - s->Q * s->S; /* columns under no window */
      for (int64_t r = 0; r < s->R && beyond; r++)
        memset(out + row + r * s->W + s->Q * s->S, 0, (size_t)beyond * sizeof(real));
    }
    const int64_t covered = s->P * s->R;
    memset(out + covered * s->W, 0, (size_t)((s->H - covered) * s->W) * sizeof(real));
  }
}

int NAME(max_pool_spread)(const kg_instruction *in) {
  spread_job job = {.x = in->args[0], .y = in->args[1], .g = in->args[2], .out = in->args[3]};
  memcpy(&job.s, in->sizes, sizeof job.s);
  const pool_shape *s = &job.s;
  if (s->stride_h != s->R || s->stride_w != s->S || s->pad_h || s->pad_w || s->dilation_h != 1 ||
      s->dilation_w != 1 || s->P * s->R > s->H || s->Q * s->S > s->W)
    return KG_BAD_ARGUMENT;
  kg_parallel(spread_planes, &job, s->planes, grain(s->H * s->W));
  return KG_OK;
}
