/* KG_STANDARDIZE: batch, layer and group normalisation, forward.
 *
 * Formula   y = (x - mean) r w + b,   r = 1 / sqrt(var + eps);   mean and var (biased) of every unit, or the
 *           running ones. With own statistics the running ones, where given, move towards them:
 *           running = running (1 - momentum) + now momentum, the variance in its unbiased form.
 * Shapes    see norm.h; x and y contiguous, mean and rstd (units) are written for the backward pass.
 * Aliasing  y may be x.
 * Passes    a unit is read for its moments and, most often still in cache, for y.
 * Threads   units are cut among them: the result does not depend on how many there are. */
#include "norm.h"

INLINE void scale_run(const real *x, real *y, int64_t n, real mean, real scale, real shift, int past) {
#define VALUE(i, count) ((load_filled(x + (i), count, 0) - mean) * scale + shift)
  WRITE_RUN(y, n, past, VALUE);
#undef VALUE
}

/* Every element has a weight and a bias of its own. */
INLINE vec affine(vec x, real mean, real r, const real *w, const real *b, int64_t n) {
  vec h = (x - mean) * r;
  if (w) h *= load_filled(w, n, 0);
  return b ? h + load_filled(b, n, 0) : h;
}
INLINE void affine_run(const real *x, real *y, int64_t n, real mean, real r, const real *w, const real *b,
                       int past) {
#define VALUE(i, count) \
  affine(load_filled(x + (i), count, 0), mean, r, w ? w + (i) : 0, b ? b + (i) : 0, count)
  WRITE_RUN(y, n, past, VALUE);
#undef VALUE
}

static void units_of(void *context, int64_t begin, int64_t end, int worker) {
  const norm_job *j = context;
  (void)worker;
  for (int64_t u = begin; u < end; u++) {
    const real *x = j->x + u * j->length;
    const moments m = moments_of(j, x);
    if (j->running_mean) {
      j->running_mean[u] += (real)((m.mean - j->running_mean[u]) * j->momentum);
      j->running_var[u] += (real)((m.squares / (m.count - 1) - j->running_var[u]) * j->momentum);
    }
    const real centre = (real)m.mean, r = (real)(1 / sqrt(m.squares / m.count + j->eps));
    j->mean[u] = centre, j->rstd[u] = r;
    const int64_t first = u % j->period * (j->length / j->span);
    const real *w = j->weight ? j->weight + first : 0, *b = j->bias ? j->bias + first : 0;
    for (int64_t s = 0; s < j->segments; s++) {
      const real *p = x + s * j->jump;
      real *y = j->out + (p - j->x);
      if (j->span == 1 && w && b) affine_run(p, y, j->length, centre, r, w, b, j->past);
      else if (j->span == 1) affine_run(p, y, j->length, centre, r, w, b, j->past);
      else
        for (int64_t k = 0, i = 0; i < j->length; k++, i += j->span)
          scale_run(p + i, y + i, j->span, centre, w ? r * w[k] : r, b ? b[k] : 0, j->past);
    }
  }
  if (j->past) end_stores_past();
}

/* Statistics given, one weight a run: run after run in the order of memory. */
static void given_runs(void *context, int64_t begin, int64_t end, int worker) {
  const norm_job *j = context;
  (void)worker;
  for (int64_t i = begin, u = begin % j->units; i < end; i++) {
    const real r = j->rstd[u];
    scale_run(j->x + i * j->length, j->out + i * j->length, j->length, j->mean[u],
              j->weight ? r * j->weight[u] : r, j->bias ? j->bias[u] : 0, j->past);
    if (++u == j->units) u = 0;
  }
  if (j->past) end_stores_past();
}

static void use_given(norm_job *j) {
  for (int64_t u = 0; u < j->units; u++) {
    j->mean[u] = j->running_mean[u];
    j->rstd[u] = (real)(1 / sqrt((double)j->running_var[u] + j->eps));
  }
  kg_parallel(given_runs, j, j->segments * j->units, GRAIN / j->length + 1);
}

int NAME(standardize)(const kg_instruction *in) {
  norm_job j = norm_of(in);
  j.x = in->args[0], j.weight = in->args[1], j.bias = in->args[2], j.out = in->args[3];
  j.mean = in->args[4], j.rstd = in->args[5], j.running_mean = in->args[6], j.running_var = in->args[7];
  if (j.span < 1 || j.length % j.span || j.period < 1 || j.segments < 1 || (j.given && j.span != j.length))
    return KG_BAD_ARGUMENT;
  if (j.length == 1 && j.period == j.units) NAME(standardize_columns)(&j);
  else if (j.given) use_given(&j);
  else kg_parallel(units_of, &j, j.units, GRAIN / (j.segments * j.length) + 1);
  return KG_OK;
}
