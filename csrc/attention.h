/* What the kernels of attention share: the job, a panel of queries, and how scores are limited.
 *
 * A panel is NR queries, one a lane: scores are kept as (keys, queries), so that maxima, sums and factors of
 * queries are vectors and nothing is ever added across lanes; and k and v are read number by number where they
 * are, with any strides, by the micro-kernel of attention_tile.c. What is packed is the panel: its queries,
 * transposed. A block of keys meets a panel at a time: its scores never leave the nearest cache. */
#ifndef KG_ATTENTION_H
#define KG_ATTENTION_H
#include <float.h>
#include "gemm.h"
#include "lanes.h"
#include "parallel.h"
#include "transpose.h"

enum { KEYS = 128 }; /* in a block */
enum { NO_MASK, BOOL_MASK, REAL_MASK };

typedef struct {
  int64_t outer, head, row;
} apart;

typedef struct {
  const real *q, *k, *v, *out,
      *g; /* (outer, heads, L or S, E or V), with strides; the last dimension dense */
  const void *mask;
  real *y, *top, *weight, *dq, *dk, *dv; /* top and weight (outer, heads, L): p = exp(score - top) weight */
  apart at_q, at_k, at_v, at_y, at_g, at_dq, at_dk, at_dv, at_mask;
  int64_t outer, heads, queries, keys, e, v_width, mask_column;
  int causal, mask_kind;
  real scale;
  char *scratch;
  int64_t slice;            /* bytes of scratch of a worker */
  int64_t group, groups;    /* panels that share a block of keys; groups of a head */
  int64_t parts;            /* backward: into how many a head's groups are cut */
  int64_t pitch_e, pitch_v; /* widths of accumulators: whole vectors */
  char *sums;               /* backward: accumulators of dk and dv */
} attention_job;

attention_job NAME(attention_of)(const kg_instruction *in);

/* c (m, vectors VL) = (add ? c : 0) + a (m, k) @ b (k, vectors VL): a of any strides, b and c of dense rows. */
void NAME(attention_product)(int64_t m, int64_t k, const real *a, int64_t a_row, int64_t a_col, const real *b,
                             int64_t b_row, real *c, int64_t c_row, int vectors, int add);

/* Scores of keys [key, key + count) and the panel from `query` on, s (count, NR) with rows `pitch` apart, of
 * which n queries exist: those that the mask or the order of time forbids become -infinity. */
void NAME(attention_limit)(const attention_job *j, int64_t outer, int64_t head, int64_t query, int64_t n,
                           int64_t key, int64_t count, real *s, int64_t pitch);

/* to (width, NR) = scale x^T for the n rows of x that there are; 0 behind them. And back: n rows of y (width). */
void NAME(attention_pack)(real *to, const real *x, int64_t row, int64_t n, int64_t width, real scale);
void NAME(attention_unpack)(real *y, int64_t row, int64_t n, int64_t width, const real *from, real *tile);

/* KG_ATTENTION of FEW queries, rows [begin, end) of all heads, one by one. */
enum { FEW = 4 };
void NAME(attention_few)(void *job, int64_t begin, int64_t end, int worker);

/* What a mask does to scores: a real one is added; of a bool one, whose numbers are infinities, the lesser
 * counts, so that NaN comes through where it may be seen only. */
INLINE vec masked(vec s, vec m, int kind) { return kind == BOOL_MASK ? lesser_of(s, m) : s + m; }

INLINE real mask_number(const void *mask, int64_t i, int kind) {
  if (kind == REAL_MASK) return ((const real *)mask)[i];
  return ((const uint8_t *)mask)[i] ? (real)INFINITY : -(real)INFINITY;
}

/* How many keys the queries up to `last` may look at. */
INLINE int64_t seen(const attention_job *j, int64_t last) {
  return j->causal && last + 1 < j->keys ? last + 1 : j->keys;
}

INLINE int64_t at(apart a, int64_t outer, int64_t head, int64_t row) {
  return outer * a.outer + head * a.head + row * a.row;
}

/* exp(x) for x <= 0, or a little above; 0 where the result would be denormal. */
INLINE vec exp_below(vec x) {
  const real lowest = R(-88.03f, -709.09); /* 2^n with the n of this is 0 */
  x = greater_of(splat(lowest), x);
  vec t = x * R(1.44269504f, 1.4426950408889634) + (MAGIC + EXPONENT_BIAS), n = t - (MAGIC + EXPONENT_BIAS);
  vec r = (x - n * LN2_HIGH) - n * LN2_LOW, two_n = (vec)((umask)t << MANTISSA);
  return two_n + two_n * (r + r * r * POLY(r, exp_poly));
}

#endif
