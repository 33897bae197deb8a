/* KG_CLIP_NORM: the norm of all gradients as one vector, and where it is too large all of them scaled by
 * max_norm / (norm + 1e-6), in place (nn.utils.clip_grad_norm_).
 *
 * Arrays    a column of addresses (kernels.h): contiguous rows that don't overlap. One call serves a model.
 * Sums      of blocks in vectors of reals, of the blocks in double: the error doesn't grow with the number of
 *           elements.
 * Threads   the elements of all rows, one after the other, are cut among them. The partial sums are added in
 *           the order of the cut, so a thread count always gives the same bits. */
#include <math.h>
#include "lanes.h"
#include "parallel.h"

enum { GRAIN = 65536, BLOCK = 4096 };

typedef struct {
  const int64_t *counts;
  real *const *rows;
  int64_t count;
  real scale;
  double partial[KG_MAX_THREADS];
} gradients;

/* Four sums side by side hide the latency of an addition. */
static real squares(const real *p, int64_t n) {
  vec a = splat(0), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * VL <= n; i += 4 * VL) {
    vec p0 = load(p + i), p1 = load(p + i + VL), p2 = load(p + i + 2 * VL), p3 = load(p + i + 3 * VL);
    a += p0 * p0, b += p1 * p1, c += p2 * p2, d += p3 * p3;
  }
  for (; i < n; i += VL) {
    vec last = load_filled(p + i, n - i, 0);
    a += last * last;
  }
  return sum_of_lanes((a + b) + (c + d));
}

static void multiply(real *p, int64_t n, real scale) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) store(p + i, load(p + i) * scale);
  if (i < n) store_n(p + i, load_n(p + i, n - i) * scale, n - i);
}

/* DO, for the elements p[0], ..., p[n - 1] of every row that lie in [begin, end), counted through all rows. */
#define EACH(g, begin, end, DO)                                                              \
  for (int64_t k = 0, start = 0; k < (g)->count && start < end; start += (g)->counts[k++]) { \
    int64_t first = begin > start ? begin - start : 0;                                       \
    int64_t stop = end - start < (g)->counts[k] ? end - start : (g)->counts[k];              \
    real *p = (g)->rows[k] + first;                                                          \
    int64_t n = stop - first;                                                                \
    DO                                                                                       \
  }

static void add(void *context, int64_t begin, int64_t end, int worker) {
  gradients *g = context;
  double total = 0;
  EACH(g, begin, end, {
    for (int64_t i = 0; i < n; i += BLOCK) total += (double)squares(p + i, n - i < BLOCK ? n - i : BLOCK);
  })
  g->partial[worker] = total;
}

static void shrink(void *context, int64_t begin, int64_t end, int worker) {
  gradients *g = context;
  (void)worker;
  EACH(g, begin, end, { multiply(p, n, g->scale); })
}

int NAME(clip_norm)(const kg_instruction *in) {
  gradients g = {.counts = in->args[0], .rows = in->args[1], .count = in->sizes[0]};
  int64_t elements = 0;
  for (int64_t k = 0; k < g.count; k++) elements += g.counts[k];
  kg_parallel(add, &g, elements, GRAIN);
  double total = 0;
  for (int i = 0; i < KG_MAX_THREADS; i++) total += g.partial[i];
  total = sqrt(total);
  *(double *)in->args[2] = total;
  double scale = in->values[0] / (total + 1e-6);
  g.scale = (real)scale;
  int finite = isfinite(total);
  if (!(scale >= 1) && (finite || !in->sizes[1])) kg_parallel(shrink, &g, elements, GRAIN);
  return KG_OK;
}
