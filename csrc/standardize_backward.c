/* KG_STANDARDIZE_BACKWARD: the gradients of KG_STANDARDIZE.
 *
 * Formula   with h = (x - mean) r and averages over the unit (0 where the statistics were given):
 *           dx = r (g w - avg(g w) - h avg(g w h)),   dw = sum(g h),   db = sum(g)
 *           (Ioffe and Szegedy 2015). Any of dx, dw, db may be NULL; h is never stored.
 * Shapes    see norm.h; x, g and dx contiguous, mean and rstd (units).
 * Aliasing  dx may be g.
 * Passes    a unit is read for the two sums and, most often still in cache, for dx.
 * Accuracy  sums over at most BLOCK elements in vectors of reals, those sums in double.
 * Threads   units are cut among them. Where several units share a weight (layer and group norm) each thread
 *           sums its own in double and thread after thread is added: from one thread count to another dw and
 *           db may differ by the rounding of that sum to a real, and dx not at all. */
#include "norm.h"

typedef struct {
  double g, gd; /* sums of g and of g (x - mean) */
} sums;

/* Add what n elements give (with g times w where every element has its weight), and where dw is given what
 * every element gives to its own weight and bias. */
INLINE void add_run(sums *t, const real *x, const real *g, int64_t n, real mean, real r, const real *w,
                    real *dw, real *db) {
  for (int64_t start = 0; start < n; start += BLOCK) {
    const int64_t end = n - start < BLOCK ? n : start + BLOCK;
    vec a = splat(0), b = a, c = a, d = a;
    int64_t i = start;
    for (; i + 2 * VL <= end; i += 2 * VL) {
      vec g0 = load(g + i), g1 = load(g + i + VL), x0 = load(x + i) - mean, x1 = load(x + i + VL) - mean;
      if (dw) {
        store(dw + i, load(dw + i) + g0 * (x0 * r)), store(dw + i + VL, load(dw + i + VL) + g1 * (x1 * r));
        store(db + i, load(db + i) + g0), store(db + i + VL, load(db + i + VL) + g1);
      }
      if (w) g0 *= load(w + i), g1 *= load(w + i + VL);
      a += g0, b += g1, c += g0 * x0, d += g1 * x1;
    }
    for (; i < end; i += VL) {
      vec g0 = load_filled(g + i, end - i, 0), x0 = load_filled(x + i, end - i, mean) - mean;
      if (dw) {
        store_first(dw + i, load_filled(dw + i, end - i, 0) + g0 * (x0 * r), end - i);
        store_first(db + i, load_filled(db + i, end - i, 0) + g0, end - i);
      }
      if (w) g0 *= load_filled(w + i, end - i, 0);
      a += g0, c += g0 * x0;
    }
    t->g += sum_of_lanes(a + b), t->gd += sum_of_lanes(c + d);
  }
}

/* dx = g scale w - (x - mean) slope - shift */
INLINE vec pulled(vec x, vec g, real mean, real scale, real slope, real shift, const real *w, int64_t n) {
  vec v = g * scale;
  if (w) v *= load_filled(w, n, 0);
  return v - (x - mean) * slope - shift;
}
INLINE void pull_run(const real *x, const real *g, real *dx, int64_t n, real mean, real scale, real slope,
                     real shift, const real *w, int past) {
#define VALUE(i, count)                                                                             \
  pulled(load_filled(x + (i), count, 0), load_filled(g + (i), count, 0), mean, scale, slope, shift, \
         w ? w + (i) : 0, count)
  WRITE_RUN(dx, n, past, VALUE);
#undef VALUE
}

/* Where every element of a run has a weight: dw and db of this many units are summed in reals, then in
 * double. */
enum { UNITS = 32 };

/* The worker's own sums of dw and of db, and room for as many reals: those of the last few units. */
INLINE double *partials_of(const norm_job *j, int worker) { return j->partials + worker * 4 * j->weights; }

static void flush(double *wide, real *narrow, int64_t n) {
  for (int64_t i = 0; i < n; i++) wide[i] += narrow[i], narrow[i] = 0;
}

/* Layer norm. */
static void rows_of(void *context, int64_t begin, int64_t end, int worker) {
  const norm_job *j = context;
  const int64_t n = j->length;
  double *wide = partials_of(j, worker);
  real *dw = j->dw ? (real *)(wide + 2 * n) : 0, *db = dw + n;
  for (int64_t u = begin; u < end; u++) {
    const real *x = j->x + u * n, *g = j->g + u * n;
    const real mean = j->mean[u], r = j->rstd[u];
    sums t = {0, 0};
    if (dw && j->weight) add_run(&t, x, g, n, mean, r, j->weight, dw, db);
    else if (j->weight) add_run(&t, x, g, n, mean, r, j->weight, 0, 0);
    else if (dw) add_run(&t, x, g, n, mean, r, 0, dw, db);
    else add_run(&t, x, g, n, mean, r, 0, 0, 0);
    if (dw && ((u - begin) % UNITS == UNITS - 1 || u + 1 == end)) flush(wide, dw, 2 * n);
    if (!j->out) continue;
    const real slope = (real)(t.gd / (double)n * r * r * r), shift = (real)(t.g / (double)n * r);
    if (j->weight) pull_run(x, g, j->out + u * n, n, mean, r, slope, shift, j->weight, j->past);
    else pull_run(x, g, j->out + u * n, n, mean, r, slope, shift, 0, j->past);
  }
  if (j->past) end_stores_past();
}

/* Batch and group norm: a weight for every span. */
static void spans_of(void *context, int64_t begin, int64_t end, int worker) {
  const norm_job *j = context;
  const int64_t spans = j->length / j->span, all = j->segments * j->length;
  double *wide = partials_of(j, worker);
  for (int64_t u = begin; u < end; u++) {
    const int64_t at = u * j->length, first = u % j->period * spans;
    const real mean = j->mean[u], r = j->rstd[u];
    sums t = {0, 0};
    for (int64_t k = 0; k < spans; k++) {
      sums own = {0, 0};
      for (int64_t s = 0; s < j->segments; s++) {
        const int64_t i = at + s * j->jump + k * j->span;
        add_run(&own, j->x + i, j->g + i, j->span, mean, r, 0, 0, 0);
      }
      const double w = j->weight ? j->weight[first + k] : 1;
      t.g += w * own.g, t.gd += w * own.gd;
      if (j->dw) wide[first + k] += own.gd * r, wide[j->weights + first + k] += own.g;
    }
    if (!j->out) continue;
    const real slope = j->given ? 0 : (real)(t.gd / (double)all * r * r * r);
    const real shift = j->given ? 0 : (real)(t.g / (double)all * r);
    for (int64_t s = 0; s < j->segments; s++)
      for (int64_t k = 0; k < spans; k++) {
        const int64_t i = at + s * j->jump + k * j->span;
        pull_run(j->x + i, j->g + i, j->out + i, j->span, mean, j->weight ? r * j->weight[first + k] : r,
                 slope, shift, 0, j->past);
      }
  }
  if (j->past) end_stores_past();
}

int64_t NAME(standardize_backward_workspace)(const kg_instruction *in) {
  return kg_get_threads() * norm_of(in).weights * 4 * (int64_t)sizeof(double);
}

int NAME(standardize_backward)(const kg_instruction *in) {
  norm_job j = norm_of(in);
  j.x = in->args[0], j.g = in->args[1], j.weight = in->args[2], j.mean = in->args[3], j.rstd = in->args[4];
  j.out = in->args[5], j.dw = in->args[6], j.db = in->args[7];
  if (j.span < 1 || j.length % j.span || j.period < 1 || j.segments < 1 || !j.dw != !j.db)
    return KG_BAD_ARGUMENT;
  if (j.length == 1 && j.period == j.units) {
    NAME(standardize_columns_backward)(&j);
    return KG_OK;
  }
  const int workers = kg_get_threads();
  if (j.dw) memset(j.partials, 0, (size_t)(workers * j.weights * 4) * sizeof(double));
  const int rows = j.span == 1 && j.segments == 1 && j.period == 1;
  kg_parallel(rows ? rows_of : spans_of, &j, j.units, GRAIN / (j.segments * j.length) + 1);
  if (!j.dw) return KG_OK;
  for (int64_t i = 0; i < j.weights; i++) {
    double dw = 0, db = 0;
    for (int k = 0; k < workers; k++) dw += partials_of(&j, k)[i], db += partials_of(&j, k)[j.weights + i];
    j.dw[i] = (real)dw, j.db[i] = (real)db;
  }
  return KG_OK;
}
