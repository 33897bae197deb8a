/* The one-dimensional transforms of conv_winograd.h, each on vectors of channels, for 3 taps or 2. */
#ifndef CONV_WINOGRAD_POINTS_H
#define CONV_WINOGRAD_POINTS_H
#include "conv_winograd.h"

/* 3 taps: 0, A, -A, B, -B and infinity. */
#define A ((real)0.625)
#define B ((real)1.5)
#define AA (A * A)
#define BB (B * B)
#define OVER_0 (1 / (AA * BB))
#define OVER_A (1 / (2 * AA * (AA - BB)))
#define OVER_B (1 / (2 * BB * (BB - AA)))

/* 2 taps: 0, C, -C, D and infinity. */
#define C ((real)0.75)
#define D ((real)1.875)
#define CC (C * C)
#define TWO_OVER_0 (1 / (CC * D))
#define TWO_OVER_C (1 / (2 * CC * (C - D)))
#define TWO_OVER_LESS_C (-1 / (2 * CC * (C + D)))
#define TWO_OVER_D (1 / (D * (D * D - CC)))

/* B' d: the data polynomial that picks each point out. */
ALWAYS_INLINE void data_points(const int taps, real *to, int64_t to_step, const real *const from[WINO_SIZE]) {
  vec d0 = load(from[0]), d1 = load(from[1]), d2 = load(from[2]), d3 = load(from[3]), d4 = load(from[4]);
  if (taps == 2) {
    vec e0 = d1 - D * d0, e1 = d2 - D * d1, e2 = d3 - D * d2, e3 = d4 - D * d3;
    store(to, e2 - CC * e0);
    store(to + to_step, e2 + C * e1);
    store(to + 2 * to_step, e2 - C * e1);
    store(to + 3 * to_step, d3 - CC * d1);
    store(to + 4 * to_step, e3 - CC * e1);
    return;
  }
  vec d5 = load(from[5]);
  vec even_a = d4 - BB * d2, odd_a = d3 - BB * d1, even_b = d4 - AA * d2, odd_b = d3 - AA * d1;
  store(to, AA * BB * d0 + (d4 - (AA + BB) * d2));
  store(to + to_step, even_a + A * odd_a);
  store(to + 2 * to_step, even_a - A * odd_a);
  store(to + 3 * to_step, even_b + B * odd_b);
  store(to + 4 * to_step, even_b - B * odd_b);
  store(to + 5 * to_step, AA * BB * d1 + (d5 - (AA + BB) * d3));
}

/* G g for the four coefficients of a gradient. */
ALWAYS_INLINE void gradient_points(const int taps, real *to, int64_t to_step,
                                   const real *const from[WINO_SIZE]) {
  vec g0 = load(from[0]), g1 = load(from[1]), g2 = load(from[2]), g3 = load(from[3]);
  if (taps == 2) {
    vec even = g0 + CC * g2, odd = C * g1 + C * CC * g3;
    store(to, TWO_OVER_0 * g0);
    store(to + to_step, TWO_OVER_C * (even + odd));
    store(to + 2 * to_step, TWO_OVER_LESS_C * (even - odd));
    store(to + 3 * to_step, TWO_OVER_D * (g0 + D * g1 + D * D * (g2 + D * g3)));
    store(to + 4 * to_step, g3);
    return;
  }
  vec even_a = OVER_A * g0 + AA * OVER_A * g2, odd_a = A * OVER_A * g1 + A * AA * OVER_A * g3;
  vec even_b = OVER_B * g0 + BB * OVER_B * g2, odd_b = B * OVER_B * g1 + B * BB * OVER_B * g3;
  store(to, OVER_0 * g0);
  store(to + to_step, even_a + odd_a);
  store(to + 2 * to_step, even_a - odd_a);
  store(to + 3 * to_step, even_b + odd_b);
  store(to + 4 * to_step, even_b - odd_b);
  store(to + 5 * to_step, g3);
}

/* G g for the taps of a filter. */
ALWAYS_INLINE void filter_points(const int taps, vec to[WINO_SIZE], const vec g[WINO_TAPS]) {
  if (taps == 2) {
    to[0] = TWO_OVER_0 * g[0];
    to[1] = TWO_OVER_C * (g[0] + C * g[1]);
    to[2] = TWO_OVER_LESS_C * (g[0] - C * g[1]);
    to[3] = TWO_OVER_D * (g[0] + D * g[1]);
    to[4] = g[1];
    return;
  }
  vec even_a = OVER_A * g[0] + AA * OVER_A * g[2], odd_a = A * OVER_A * g[1];
  vec even_b = OVER_B * g[0] + BB * OVER_B * g[2], odd_b = B * OVER_B * g[1];
  to[0] = OVER_0 * g[0];
  to[1] = even_a + odd_a;
  to[2] = even_a - odd_a;
  to[3] = even_b + odd_b;
  to[4] = even_b - odd_b;
  to[5] = g[2];
}

/* A' m: the coefficients of the product, 4 of them or as many as taps. */
ALWAYS_INLINE void coefficients(const int taps, vec to[WINO_STEP], const int count, const vec m[WINO_SIZE]) {
  vec even_a = m[1] + m[2], odd_a = m[1] - m[2];
  if (taps == 2) {
    to[0] = m[0] + even_a + m[3];
    to[1] = C * odd_a + D * m[3];
    if (count == 2) {
      to[1] += m[4];
      return;
    }
    to[2] = CC * even_a + D * D * m[3];
    to[3] = C * CC * odd_a + (D * D * D * m[3] + m[4]);
    return;
  }
  vec even_b = m[3] + m[4], odd_b = m[3] - m[4];
  to[0] = m[0] + even_a + even_b;
  to[1] = A * odd_a + B * odd_b;
  to[2] = AA * even_a + BB * even_b;
  if (count == 3) to[2] += m[5];
  else to[3] = A * AA * odd_a + (B * BB * odd_b + m[5]);
}

#endif
