/* The inner sums of conv.h, for the weights of few taps or few output channels:
 *   sums[k, t, lane] += planes[i, offset[t] + f] * y[i, k, f]   over images i and the f with f % VL = lane.
 *
 * Here the lanes are neighbouring outputs, so y is read where it is; the outer sums have to transpose it
 * first, which costs as much as some seven taps. A tile holds OUTPUTS x TERMS accumulators while all places
 * pass: 3 x 9 + 3 + 1 = 31 registers of 32, 2 x 6 + 2 + 1 = 15 of 16. An unaligned vector costs four times an
 * aligned one to load (Zen 5), so the inputs of each tap lie in a plane of their own, one for each output: no
 * load of x is unaligned, and no lane is wasted at the end of a row. That takes more outputs to pay than there
 * may be; other planes then give rows of neighbouring inputs, unaligned.
 *
 * Lanes behind the last place are zero in x and y (either may be infinite there). One thread: callers share
 * out the work. */
#include "conv.h"
#include "lanes.h"

enum { MOST_OUTPUTS = VREGS == 32 ? 4 : 2, MOST_TERMS = 9 };

/* Terms held with so many outputs. */
static int64_t most_terms(int64_t outputs) {
  if (VREGS == 32) return outputs == 4 ? 6 : 9;
  return outputs == 2 ? 6 : 9;
}

/* The last n places of y; `there` marks their lanes. */
static inline vec load_rest(const real *y, int64_t n, mask there, const real *end) {
#ifndef KG_ISA_avx512 /* loads n for the price of all */
  if (end - y >= VL) return (vec)((mask)load(y) & there);
#endif
  (void)there, (void)end;
  return load_n(y, n);
}

static inline __attribute__((always_inline)) void tile(const conv_dots *d, const real *const *from,
                                                       const real *y, real *const *to, int64_t to_next,
                                                       const int outputs, const int terms) {
  vec acc[MOST_OUTPUTS][MOST_TERMS], b[MOST_OUTPUTS];
#pragma GCC unroll 4
  for (int k = 0; k < outputs; k++)
#pragma GCC unroll 9
    for (int t = 0; t < terms; t++) acc[k][t] = load(to[t] + k * to_next);
  const int64_t whole = d->places / VL * VL, rest = d->places - whole;
  const mask there = first_lanes(rest);
  for (int64_t i = 0, x = 0; i < d->images; i++, x += d->planes_image, y += d->y_image) {
    for (int64_t f = 0; f < whole; f += VL) {
#pragma GCC unroll 4
      for (int k = 0; k < outputs; k++) b[k] = load(y + f + k * d->y_size);
#pragma GCC unroll 9
      for (int t = 0; t < terms; t++) {
        vec a = held(load(from[t] + x + f));
#pragma GCC unroll 4
        for (int k = 0; k < outputs; k++) acc[k][t] += a * b[k];
      }
    }
    if (!rest) continue;
#pragma GCC unroll 4
    for (int k = 0; k < outputs; k++) b[k] = load_rest(y + whole + k * d->y_size, rest, there, d->y_end);
#pragma GCC unroll 9
    for (int t = 0; t < terms; t++) {
      vec a = held((vec)((mask)load(from[t] + x + whole) & there));
#pragma GCC unroll 4
      for (int k = 0; k < outputs; k++) acc[k][t] += a * b[k];
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < outputs; k++)
#pragma GCC unroll 9
    for (int t = 0; t < terms; t++) store(to[t] + k * to_next, acc[k][t]);
}

typedef void tile_kernel(const conv_dots *, const real *const *, const real *, real *const *, int64_t);
/* clang-format off */
#define TILE(k, t)                                                                                              \
  static void tile_##k##x##t(const conv_dots *d, const real *const *from, const real *y, real *const *to,        \
                             int64_t to_next) {                                                                 \
    tile(d, from, y, to, to_next, k, t);                                                                        \
  }
#define SIX(k) TILE(k, 1) TILE(k, 2) TILE(k, 3) TILE(k, 4) TILE(k, 5) TILE(k, 6)
#define NINE(k) SIX(k) TILE(k, 7) TILE(k, 8) TILE(k, 9)
#define SIX_OF(k) tile_##k##x1, tile_##k##x2, tile_##k##x3, tile_##k##x4, tile_##k##x5, tile_##k##x6
#define NINE_OF(k) SIX_OF(k), tile_##k##x7, tile_##k##x8, tile_##k##x9
#if defined(KG_ISA_avx512) || defined(KG_ISA_neon)
NINE(1) NINE(2) NINE(3) SIX(4)
static tile_kernel *const tiles[][MOST_TERMS] = {{NINE_OF(1)}, {NINE_OF(2)}, {NINE_OF(3)}, {SIX_OF(4)}};
#else
NINE(1) SIX(2)
static tile_kernel *const tiles[][MOST_TERMS] = {{NINE_OF(1)}, {SIX_OF(2)}};
#endif
/* clang-format on */

/* Each as long as the others, none longer than `most`. */
static int64_t even(int64_t n, int64_t most) { return conv_ceil(n, conv_ceil(n, most)); }

void NAME(conv_inner)(const conv_dots *d) {
  if (!d->outputs || !d->terms) return;
  /* The tile for which all of them take the least time: two products or one of y's loads a cycle. */
  int64_t outputs = 1, terms = 1, best = INT64_MAX;
  for (int64_t k = 1; k <= MOST_OUTPUTS; k++) {
    int64_t t = even(d->terms, most_terms(k));
    int64_t loads = conv_ceil(d->terms, t) * 4 * k + d->terms;
    int64_t time = conv_ceil(d->outputs, k) * conv_max(k * d->terms, loads);
    if (time <= best) best = time, outputs = k, terms = t;
  }
  outputs = even(d->outputs, outputs);
  const real *from[MOST_TERMS];
  real *to[MOST_TERMS];
  for (int64_t k = 0; k < d->outputs; k += outputs)
    for (int64_t t = 0, count; t < d->terms; t += count) {
      count = even(d->terms - t, terms);
      for (int64_t i = 0; i < count; i++) {
        from[i] = d->planes + d->offset[t + i];
        to[i] = d->sums + (k * d->terms + t + i) * VL;
      }
      tiles[conv_min(outputs, d->outputs - k) - 1][count - 1](d, from, d->y + k * d->y_size, to,
                                                              d->terms * VL);
    }
}
