/* KG_STANDARDIZE_BACKWARD: the gradients of KG_STANDARDIZE.
 *
 * Formula   with h = (x - mean) r and averages over the unit (0 where the statistics were given):
 *           dx = r (g w - avg(g w) - h avg(g w h)),   dw = sum(g h),   db = sum(g)
 *           (Ioffe and Szegedy 2015). Any of dx, dw, db may be NULL; h is never stored.
 *           With an activation z = act(y), g is the gradient of z, and stands for g act'(y) above.
 * Shapes    see norm.h; x, g and dx contiguous, mean and rstd (units).
 * Aliasing  dx may be g.
 * Passes    a unit is read for the two sums and, most often still in cache, for dx. A cheap act' is computed
 *           in both, silu's in the first, which leaves g act'(y) where dx will be.
 * Accuracy  sums over at most BLOCK elements in vectors of reals, those sums in double.
 * Threads   units are cut among them. Where several units share a weight (layer and group norm) each thread
 *           sums its own in double and thread after thread is added: from one thread count to another dw and
 *           db may differ by the rounding of that sum to a real, and dx not at all. */
#include "norm_activation.h"

typedef struct {
  double g, gd; /* sums of g and of g (x - mean) */
} sums;

/* n elements of x and g that share a mean. */
typedef struct {
  const real *x, *g, *w; /* w: where every element has a weight, these; else NULL */
  int64_t n;
  real mean, r, leak;
  affine y;
} run;

INLINE run run_of(const norm_job *j, int64_t i, int64_t n, real mean, real r, int64_t weight) {
  return (run){j->x + i, j->g + i, 0, n, mean, r, j->leak, affine_of(j, r, weight)};
}

/* g act'(y) at d = x - mean, of `count` elements from i on. */
INLINE vec returned(run u, vec g, vec d, int64_t i, int64_t count, int act) {
  return act == PLAIN ? g : through(act, g, scaled(u.y, d, i, count), u.leak);
}

/* Add what a run gives (with g times w where every element has its weight), and where dw is given what every
 * element gives to its own weight and bias. g act'(y) is kept where there is a place for it. */
INLINE void add_run(sums *t, run u, real *dw, real *db, real *kept, int act) {
  for (int64_t start = 0; start < u.n; start += BLOCK) {
    const int64_t end = u.n - start < BLOCK ? u.n : start + BLOCK;
    vec a = splat(0), b = a, c = a, d = a;
    int64_t i = start;
    for (; i + 2 * VL <= end; i += 2 * VL) {
      vec x0 = load(u.x + i) - u.mean, x1 = load(u.x + i + VL) - u.mean;
      vec g0 = returned(u, load(u.g + i), x0, i, VL, act);
      vec g1 = returned(u, load(u.g + i + VL), x1, i + VL, VL, act);
      if (kept) store(kept + i, g0), store(kept + i + VL, g1);
      if (dw) {
        store(dw + i, load(dw + i) + g0 * (x0 * u.r)), store(db + i, load(db + i) + g0);
        store(dw + i + VL, load(dw + i + VL) + g1 * (x1 * u.r)), store(db + i + VL, load(db + i + VL) + g1);
      }
      if (u.w) g0 *= load(u.w + i), g1 *= load(u.w + i + VL);
      a += g0, b += g1, c += g0 * x0, d += g1 * x1;
    }
    for (; i < end; i += VL) {
      const int64_t left = end - i;
      vec x0 = load_filled(u.x + i, left, u.mean) - u.mean;
      vec g0 = returned(u, load_filled(u.g + i, left, 0), x0, i, left, act);
      if (kept) store_first(kept + i, g0, left);
      if (dw) {
        store_first(dw + i, load_filled(dw + i, left, 0) + g0 * (x0 * u.r), left);
        store_first(db + i, load_filled(db + i, left, 0) + g0, left);
      }
      if (u.w) g0 *= load_filled(u.w + i, left, 0);
      a += g0, c += g0 * x0;
    }
    t->g += sum_of_lanes(a + b), t->gd += sum_of_lanes(c + d);
  }
}

/* dx = g act'(y) scale w - (x - mean) slope - shift */
INLINE vec pulled(run u, int64_t i, int64_t count, real scale, real slope, real shift, int act) {
  const vec d = load_filled(u.x + i, count, 0) - u.mean;
  vec v = returned(u, load_filled(u.g + i, count, 0), d, i, count, act) * scale;
  if (u.w) v *= load_filled(u.w + i, count, 0);
  return v - d * slope - shift;
}
INLINE void pull_run(run u, real *dx, real scale, real slope, real shift, int past, int act) {
#define VALUE(i, count) pulled(u, i, count, scale, slope, shift, act)
  WRITE_RUN(dx, u.n, past, VALUE);
#undef VALUE
}

/* Where silu's first pass leaves g act'(y) for the second: as dx, where that stays in the caches. Reading a
 * number there costs less than an exponential. */
INLINE real *kept_in(const norm_job *j, int act) { return act == SILU && !j->past ? j->out : 0; }

/* Where every element of a run has a weight: dw and db of this many units are summed in reals, then in
 * double. */
enum { UNITS = 32 };

/* The worker's own sums of dw and of db, and room for as many reals: those of the last few units. */
INLINE double *partials_of(const norm_job *j, int worker) { return j->partials + worker * 4 * j->weights; }

static void flush(double *wide, real *narrow, int64_t n) {
  for (int64_t i = 0; i < n; i++) wide[i] += narrow[i], narrow[i] = 0;
}

/* Layer norm. The usual copies have no branches; behind an activation they would be too many. */
INLINE void add_row(sums *t, run u, real *dw, real *db, real *kept, int act) {
  if (act != PLAIN) add_run(t, u, dw, db, kept, act);
  else if (dw && u.w) add_run(t, u, dw, db, 0, PLAIN);
  else if (u.w) add_run(t, u, 0, 0, 0, PLAIN);
  else if (dw) add_run(t, u, dw, db, 0, PLAIN);
  else add_run(t, u, 0, 0, 0, PLAIN);
}
INLINE void pull_row(run u, real *dx, real slope, real shift, int act) {
  if (act == PLAIN && u.w) pull_run(u, dx, u.r, slope, shift, 0, PLAIN);
  else pull_run(u, dx, u.r, slope, shift, 0, act);
}
INLINE void rows_of(const norm_job *j, int64_t begin, int64_t end, int worker, int act) {
  const int64_t n = j->length;
  double *wide = partials_of(j, worker);
  real *dw = j->dw ? (real *)(wide + 2 * n) : 0, *db = dw + n, *kept = kept_in(j, act);
  for (int64_t i = begin; i < end; i++) {
    run u = run_of(j, i * n, n, j->mean[i], j->rstd[i], 0);
    u.w = j->weight;
    sums t = {0, 0};
    add_row(&t, u, dw, db, kept ? kept + i * n : 0, act);
    if (dw && ((i - begin) % UNITS == UNITS - 1 || i + 1 == end)) flush(wide, dw, 2 * n);
    if (!j->out) continue;
    const real r = u.r, slope = (real)(t.gd / (double)n * r * r * r), shift = (real)(t.g / (double)n * r);
    if (kept) u.g = kept + i * n, pull_row(u, j->out + i * n, slope, shift, PLAIN);
    else pull_row(u, j->out + i * n, slope, shift, act);
  }
}

/* Batch and group norm: a weight for every span, whose sums are `own`. */
INLINE void add_span(const norm_job *j, sums *own, int64_t i, int64_t u, int64_t weight, real *kept,
                     int act) {
  const run v = run_of(j, i, j->span, j->mean[u], j->rstd[u], weight);
  if (kept) add_run(own, v, 0, 0, kept + i, act);
  else add_run(own, v, 0, 0, 0, act);
}
/* What dx loses by the averages of its unit, whose sums are t. */
typedef struct {
  real slope, shift;
} averages;

INLINE averages averages_of(const norm_job *j, sums t, real r) {
  const double all = (double)(j->segments * j->length);
  return j->given ? (averages){0, 0} : (averages){(real)(t.gd / all * r * r * r), (real)(t.g / all * r)};
}
INLINE void pull_span(const norm_job *j, averages a, int64_t i, int64_t u, int64_t weight, real *kept,
                      int act) {
  const real r = j->rstd[u], scale = j->weight ? r * j->weight[weight] : r;
  run v = run_of(j, i, j->span, j->mean[u], r, weight);
  if (kept) v.g = kept + i, pull_run(v, j->out + i, scale, a.slope, a.shift, 0, PLAIN);
  else pull_run(v, j->out + i, scale, a.slope, a.shift, j->past, act);
}
/* Add a span's sums to its unit's, and to its weight's. */
INLINE void join(const norm_job *j, sums *t, sums own, real r, int64_t weight, double *wide) {
  const double w = j->weight ? j->weight[weight] : 1;
  t->g += w * own.g, t->gd += w * own.gd;
  if (j->dw) wide[weight] += own.gd * r, wide[j->weights + weight] += own.g;
}

INLINE void groups_of(const norm_job *j, int64_t begin, int64_t end, int worker, int act) {
  const int64_t spans = j->length / j->span;
  double *wide = partials_of(j, worker);
  real *kept = kept_in(j, act);
  for (int64_t u = begin; u < end; u++) {
    const int64_t at = u * j->length, first = u % j->period * spans;
    sums t = {0, 0};
    for (int64_t k = 0; k < spans; k++) {
      sums own = {0, 0};
      add_span(j, &own, at + k * j->span, u, first + k, kept, act);
      join(j, &t, own, j->rstd[u], first + k, wide);
    }
    const averages a = averages_of(j, t, j->rstd[u]);
    for (int64_t k = 0; k < spans && j->out; k++) pull_span(j, a, at + k * j->span, u, first + k, kept, act);
  }
  if (j->past) end_stores_past();
}

INLINE void channels_of(const norm_job *j, int64_t begin, int64_t end, int worker, int act) {
  double *wide = partials_of(j, worker);
  real *kept = kept_in(j, act);
  const int64_t most = together(j);
  for (int64_t first = begin; first < end; first += most) {
    const int64_t last = end - first < most ? end : first + most;
    sums own[TOGETHER] = {0};
    averages a[TOGETHER];
    for (int64_t s = 0; s < j->segments; s++)
      for (int64_t u = first; u < last; u++)
        add_span(j, own + (u - first), s * j->jump + u * j->length, u, u, kept, act);
    for (int64_t u = first; u < last; u++) {
      sums t = {0, 0};
      join(j, &t, own[u - first], j->rstd[u], u, wide);
      a[u - first] = averages_of(j, t, j->rstd[u]);
    }
    for (int64_t s = 0; s < j->segments && j->out; s++)
      for (int64_t u = first; u < last; u++)
        pull_span(j, a[u - first], s * j->jump + u * j->length, u, u, kept, act);
  }
  if (j->past) end_stores_past();
}

FOR_ACTIVATIONS(rows_of)
FOR_ACTIVATIONS(groups_of)
FOR_ACTIVATIONS(channels_of)

int64_t NAME(standardize_backward_workspace)(const kg_instruction *in) {
  return kg_get_threads() * norm_of(in).weights * 4 * (int64_t)sizeof(double);
}

int NAME(standardize_backward)(const kg_instruction *in) {
  norm_job j = norm_of(in);
  j.x = in->args[0], j.g = in->args[1], j.weight = in->args[2], j.mean = in->args[3], j.rstd = in->args[4];
  j.out = in->args[5], j.dw = in->args[6], j.db = in->args[7], j.bias = in->args[8];
  if (!well_formed(&j) || !j.dw != !j.db || !known_activation(j.activation)) return KG_BAD_ARGUMENT;
  if (j.length == 1 && j.period == j.units) {
    NAME(standardize_columns_backward)(&j);
    return KG_OK;
  }
  const int workers = kg_get_threads();
  if (j.dw) memset(j.partials, 0, (size_t)(workers * j.weights * 4) * sizeof(double));
  const int rows = j.span == 1 && j.segments == 1 && j.period == 1;
  kg_body *const body = rows             ? rows_of_for(j.activation)
                        : j.segments > 1 ? channels_of_for(j.activation)
                                         : groups_of_for(j.activation);
  kg_parallel(body, &j, j.units, GRAIN / (j.segments * j.length) + 1);
  if (!j.dw) return KG_OK;
  for (int64_t i = 0; i < j.weights; i++) {
    double dw = 0, db = 0;
    for (int k = 0; k < workers; k++) dw += partials_of(&j, k)[i], db += partials_of(&j, k)[j.weights + i];
    j.dw[i] = (real)dw, j.db[i] = (real)db;
  }
  return KG_OK;
}
