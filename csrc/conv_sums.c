/* The outer sums of conv.h, from which the gradient of a convolution in its weights is made.
 *
 * A tile holds TERMS x VECTORS accumulators; every place loads VECTORS vectors of y (one output
 * channel a lane) and multiplies them with TERMS inputs, broadcast from their shifted places. Registers:
 * 6 x 4 + 4 + 1 = 29 of 32, 6 x 2 + 2 + 1 = 15 of 16. Each term has a pointer: more than 8 would not fit the
 * integer registers. One thread: callers share out the work. */
#include "conv.h"

/* The same number of terms for every tile, at most `most`: the last tile repeats its last term. */
static int64_t tile_terms(int64_t terms, int64_t most) {
  return terms ? conv_ceil(terms, conv_ceil(terms, most)) : 0;
}
static int64_t most_outer(int64_t vectors) { return vectors == CONV_SUM_VECTORS ? 6 : 8; }

int64_t NAME(conv_outer_terms)(int64_t terms, int64_t vectors) {
  return conv_ceil(terms, most_outer(vectors)) * tile_terms(terms, most_outer(vectors));
}

static inline __attribute__((always_inline)) void outer(const conv_sum *d, const real *const *from,
                                                        real *const *to, const int terms, const int vectors) {
  vec acc[8][4];
#pragma GCC unroll 8
  for (int i = 0; i < terms; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) acc[i][j] = load(to[i] + j * VL);
  for (int64_t l = 0; l < d->lines; l++) {
    const real *y = d->y + d->y_line[l];
    const int64_t step = d->step;
    for (int64_t q = d->x_line[l], end = q + d->columns * step; q < end; q += step, y += vectors * VL) {
      vec b[4];
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) b[j] = load(y + j * VL);
#pragma GCC unroll 8
      for (int i = 0; i < terms; i++) {
        vec a = splat(from[i][q]);
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) acc[i][j] += a * b[j];
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < terms; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) store(to[i] + j * VL, acc[i][j]);
}

typedef void tile(const conv_sum *, const real *const *, real *const *);
#define OUTER(n, v)                                                                          \
  static void outer_##n##x##v(const conv_sum *d, const real *const *from, real *const *to) { \
    outer(d, from, to, n, v);                                                                \
  }
/* clang-format off */
#define OUTER_SIX(v) OUTER(1, v) OUTER(2, v) OUTER(3, v) OUTER(4, v) OUTER(5, v) OUTER(6, v)
#define OUTER_EIGHT(v) OUTER_SIX(v) OUTER(7, v) OUTER(8, v)
#define SIX(v) outer_1x##v, outer_2x##v, outer_3x##v, outer_4x##v, outer_5x##v, outer_6x##v
#if defined(KG_ISA_avx512) || defined(KG_ISA_neon)
OUTER_EIGHT(1) OUTER_EIGHT(2) OUTER_EIGHT(3) OUTER_SIX(4)
static tile *const outer_tiles[][8] = {
    {SIX(1), outer_7x1, outer_8x1}, {SIX(2), outer_7x2, outer_8x2}, {SIX(3), outer_7x3, outer_8x3}, {SIX(4)}};
#else
OUTER_EIGHT(1) OUTER_SIX(2)
static tile *const outer_tiles[][8] = {{SIX(1), outer_7x1, outer_8x1}, {SIX(2)}};
#endif
/* clang-format on */
void NAME(conv_outer)(const conv_sum *d) {
  int64_t count = tile_terms(d->terms, most_outer(d->vectors));
  const real *from[8];
  real *to[8];
  for (int64_t t = 0; t < d->terms; t += count) {
    for (int64_t i = 0; i < count; i++) {
      int64_t term = conv_min(t + i, d->terms - 1);
      from[i] = d->planes + d->offset[term];
      to[i] = d->sums + (d->slot ? d->slot[term] : term) * d->vectors * VL;
    }
    outer_tiles[d->vectors - 1][count - 1](d, from, to);
  }
}
