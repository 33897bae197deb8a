/* KG_STANDARDIZE: batch, layer and group normalisation, forward.
 *
 * Formula   y = (x - mean) r w + b,   r = 1 / sqrt(var + eps);   mean and var (biased) of every unit, or the
 *           running ones. With own statistics the running ones, where given, move towards them:
 *           running = running (1 - momentum) + now momentum, the variance in its unbiased form.
 *           With an activation act(y) is written instead of y.
 * Shapes    see norm.h; x and y contiguous, mean and rstd (units) are written for the backward pass.
 * Aliasing  y may be x.
 * Passes    a unit is read for its moments and, most often still in cache, for y.
 * Threads   units are cut among them: the result does not depend on how many there are. */
#include "norm_activation.h"

INLINE void affine_run(const real *x, real *y, int64_t n, real mean, affine a, int act, real leak, int past) {
#define VALUE(i, count) activated(act, scaled(a, load_filled(x + (i), count, 0) - mean, i, count), leak)
  WRITE_RUN(y, n, past, VALUE);
#undef VALUE
}

/* Mean and deviation of unit u for later, and what becomes of the running ones. */
INLINE void set_statistics(const norm_job *j, int64_t u, moments m) {
  if (j->running_mean) {
    j->running_mean[u] += (real)((m.mean - j->running_mean[u]) * j->momentum);
    j->running_var[u] += (real)((m.squares / (m.count - 1) - j->running_var[u]) * j->momentum);
  }
  j->mean[u] = (real)m.mean, j->rstd[u] = (real)(1 / sqrt(m.squares / m.count + j->eps));
}

/* Layer and group norm: a unit is one run. Layer norm's usual case has no branches. */
INLINE void groups_of(const norm_job *j, int64_t begin, int64_t end, int worker, int act) {
  (void)worker;
  for (int64_t u = begin; u < end; u++) {
    const real *x = j->x + u * j->length;
    real *y = j->out + u * j->length;
    moments m = {0, 0, 0};
    take_runs(&m, j, x, 0, 1);
    set_statistics(j, u, m);
    const int64_t first = u % j->period * (j->length / j->span);
    const real mean = j->mean[u], r = j->rstd[u];
    const affine a = affine_of(j, r, first);
    if (j->span == 1 && act == PLAIN && a.w && a.b) affine_run(x, y, j->length, mean, a, act, j->leak, 0);
    else if (j->span == 1) affine_run(x, y, j->length, mean, a, act, j->leak, 0);
    else
      for (int64_t k = 0, i = 0; i < j->length; k++, i += j->span)
        affine_run(x + i, y + i, j->span, mean, affine_of(j, r, first + k), act, j->leak, j->past);
  }
  if (j->past) end_stores_past();
}

/* Of neighbouring channels. What a block of runs takes from memory is fetched in the order of memory first. */
static __attribute__((noinline)) void channel_moments(const norm_job *j, const real *x, int64_t channels,
                                                      moments *m) {
  const int64_t rows = runs_in_block(j), n = channels * j->length;
  for (int64_t first = 0; first < j->segments; first += rows) {
    const int64_t last = j->segments - first < rows ? j->segments : first + rows;
    for (int64_t s = first; s < last && channels > 1; s++)
      for (int64_t i = 0; i < n; i += LINE) __builtin_prefetch(x + s * j->jump + i, 0, 2);
    for (int64_t k = 0; k < channels; k++) take_runs(m + k, j, x + k * j->length, first, last);
  }
}

/* Batch norm. */
INLINE void channels_of(const norm_job *j, int64_t begin, int64_t end, int worker, int act) {
  (void)worker;
  const int64_t most = together(j);
  for (int64_t u = begin; u < end; u += most) {
    const int64_t last = end - u < most ? end : u + most;
    moments m[TOGETHER] = {{0, 0, 0}};
    channel_moments(j, j->x + u * j->length, last - u, m);
    for (int64_t k = u; k < last; k++) set_statistics(j, k, m[k - u]);
    for (int64_t s = 0; s < j->segments; s++)
      for (int64_t k = u; k < last; k++) {
        const int64_t at = s * j->jump + k * j->length;
        affine_run(j->x + at, j->out + at, j->length, j->mean[k], affine_of(j, j->rstd[k], k), act, j->leak,
                   j->past);
      }
  }
  if (j->past) end_stores_past();
}

/* Statistics given, one weight a run: run after run in the order of memory. */
INLINE void given_runs(const norm_job *j, int64_t begin, int64_t end, int worker, int act) {
  (void)worker;
  for (int64_t i = begin, u = begin % j->units; i < end; i++) {
    affine_run(j->x + i * j->length, j->out + i * j->length, j->length, j->mean[u],
               affine_of(j, j->rstd[u], u), act, j->leak, j->past);
    if (++u == j->units) u = 0;
  }
  if (j->past) end_stores_past();
}

FOR_ACTIVATIONS(groups_of)
FOR_ACTIVATIONS(channels_of)
FOR_ACTIVATIONS(given_runs)

static void use_given(norm_job *j) {
  for (int64_t u = 0; u < j->units; u++) {
    j->mean[u] = j->running_mean[u];
    j->rstd[u] = (real)(1 / sqrt((double)j->running_var[u] + j->eps));
  }
  kg_parallel(given_runs_for(j->activation), j, j->segments * j->units, GRAIN / j->length + 1);
}

int NAME(standardize)(const kg_instruction *in) {
  norm_job j = norm_of(in);
  j.x = in->args[0], j.weight = in->args[1], j.bias = in->args[2], j.out = in->args[3];
  j.mean = in->args[4], j.rstd = in->args[5], j.running_mean = in->args[6], j.running_var = in->args[7];
  if (!well_formed(&j) || (j.given && j.span != j.length) || !known_activation(j.activation))
    return KG_BAD_ARGUMENT;
  if (j.length == 1 && j.period == j.units) NAME(standardize_columns)(&j);
  else if (j.given) use_given(&j);
  else
    kg_parallel(j.segments > 1 ? channels_of_for(j.activation) : groups_of_for(j.activation), &j, j.units,
                GRAIN / (j.segments * j.length) + 1);
  return KG_OK;
}
