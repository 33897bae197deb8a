/* What KG_STANDARDIZE and its gradient share: how units lie in memory, and exact-enough moments of them.
 *
 * A unit is what one mean and one deviation are taken of: `segments` runs of `length` elements, the run of
 * segment s and unit u at x + (s * units + u) * length. Layer and group norm have one segment (a row), batch
 * norm has one for each sample. `span` neighbours of a run share a weight and a bias:
 *
 *                  units    segments  length     span    weights in a run   period
 *   layer norm     rows     1         features   1       features           1
 *   group norm     N groups 1         C/G * HW   HW      C/G                groups
 *   batch norm     C        N         HW         HW      1                  C
 *
 * so that element i of a run of unit u has weight[u % period * (length / span) + i / span].
 *
 * Moments. Sums over blocks of a few thousand elements, which stay in L1 between the two passes: their mean,
 * then the deviations from it and their squares (the deviations' sum mends what rounding the mean lost).
 * Blocks are joined in double (Chan, Golub and LeVeque 1979). So the variance keeps its digits where the mean
 * is large: its relative error is below (BLOCK / VL + 8) rounding errors of a float, whatever the mean. */
#ifndef KG_NORM_H
#define KG_NORM_H
#include "lanes.h"
#include "parallel.h"

enum {
  BLOCK = 2048,
  BLOCK_ROWS = 64,
  GRAIN = 32768,
  PAST_CACHES = 1 << 25
}; /* the last: bytes of a result */

typedef struct {
  const real *x, *g, *weight, *bias;
  real *out, *mean, *rstd, *running_mean, *running_var, *dw, *db;
  double *partials; /* for each worker: dw, db, and room for their reals */
  int64_t units, segments, length, span, period, weights, jump; /* jump: between segments */
  int64_t width, strips;                                        /* of columns; see strip.h */
  double eps, momentum;
  int given;      /* the running statistics are used as they are */
  int past;       /* the result is stored past the caches: planes only; short rows lose by it */
  int activation; /* of the result; see norm_activation.h */
  real leak;
} norm_job;

INLINE norm_job norm_of(const kg_instruction *in) {
  const int64_t *s = in->sizes;
  return (norm_job){.units = s[0],
                    .segments = s[1],
                    .length = s[2],
                    .span = s[3],
                    .period = s[4],
                    .given = (int)s[5],
                    .activation = (int)s[6],
                    .weights = s[4] * (s[2] / s[3]),
                    .jump = s[0] * s[2],
                    .eps = in->values[0],
                    .momentum = in->values[1],
                    .leak = (real)in->values[2],
                    .past = s[3] > 1 && s[0] * s[1] * s[2] * (int64_t)sizeof(real) >= PAST_CACHES,
                    .partials = in->workspace};
}

/* Several segments are those of batch norm: a weight for every unit. */
INLINE int well_formed(const norm_job *j) {
  return j->span >= 1 && j->length % j->span == 0 && j->period >= 1 && j->segments >= 1 &&
         (j->segments == 1 || (j->span == j->length && j->period == j->units));
}

/* dx, or y, of n elements in vectors: `value(i, count)` gives `count` of them from i on. Past the caches all but
 * the ends, which share their lines with other runs. */
#define WRITE_RUN(out, n, past, value)                                             \
  do {                                                                             \
    int64_t i = 0;                                                                 \
    if (past) {                                                                    \
      const int64_t before = (int64_t)(-(uintptr_t)(out) % VBYTES / sizeof(real)); \
      const int64_t head = before < (n) ? before : (n);                            \
      if (head) store_n((out), value(0, head), head);                              \
      for (i = head; i + VL <= (n); i += VL) store_past((out) + i, value(i, VL));  \
    }                                                                              \
    for (; i + VL <= (n); i += VL) store((out) + i, value(i, VL));                 \
    if (i < (n)) store_n((out) + i, value(i, (n)-i), (n)-i);                       \
  } while (0)

typedef struct {
  double count, mean, squares; /* squares: of the deviations from the mean, summed */
} moments;

/* Add `rows` runs of n elements to m: all of them together one block. */
INLINE void take(moments *m, const real *x, int64_t rows, int64_t n, int64_t jump) {
  vec a = splat(0), b = a;
  for (int64_t r = 0; r < rows; r++) {
    const real *p = x + r * jump;
    int64_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) a += load(p + i), b += load(p + i + VL);
    for (; i < n; i += VL) a += load_filled(p + i, n - i, 0);
  }
  const double count = (double)(rows * n);
  const real centre = (real)((double)sum_of_lanes(a + b) / count);
  vec c = splat(0), d = c;
  a = b = c;
  for (int64_t r = 0; r < rows; r++) {
    const real *p = x + r * jump;
    int64_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
      vec u = load(p + i) - centre, v = load(p + i + VL) - centre;
      a += u, b += v, c += u * u, d += v * v;
    }
    for (; i < n; i += VL) {
      vec u = load_filled(p + i, n - i, centre) - centre;
      a += u, c += u * u;
    }
  }
  const double left = sum_of_lanes(a + b), squares = sum_of_lanes(c + d);
  const moments block = {count, centre + left / count, squares - left * left / count};
  if (m->count == 0) {
    *m = block;
    return;
  }
  const double total = m->count + count, delta = block.mean - m->mean;
  m->squares += block.squares + delta * delta * (m->count * count / total);
  m->mean += delta * (count / total);
  m->count = total;
}

/* Of the runs [first, last) of a unit: several short ones make a block, or a long one several. */
INLINE void take_runs(moments *m, const norm_job *j, const real *x, int64_t first, int64_t last) {
  for (int64_t i = 0; i < j->length; i += BLOCK)
    take(m, x + first * j->jump + i, last - first, j->length - i < BLOCK ? j->length - i : BLOCK, j->jump);
}
INLINE int64_t runs_in_block(const norm_job *j) { return BLOCK / j->length > 1 ? BLOCK / j->length : 1; }

/* Batch norm goes through several channels together, sample after sample: their runs are neighbours, and a
 * walk from sample to sample for each would fetch every page and part of a line as often as there are channels
 * in it. */
enum { TOGETHER = 16, TOGETHER_BYTES = 4096, LINE = 64 / sizeof(real) };
INLINE int64_t together(const norm_job *j) {
  const int64_t n = j->segments > 1 ? TOGETHER_BYTES / (int64_t)sizeof(real) / j->length : 1;
  return n < 1 ? 1 : n > TOGETHER ? TOGETHER : n;
}

void NAME(standardize_columns)(norm_job *j);          /* the same where length is 1: batch norm of (N, C) */
void NAME(standardize_columns_backward)(norm_job *j); /* out is dx */

#endif
