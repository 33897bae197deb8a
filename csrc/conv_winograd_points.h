/* The one-dimensional transforms of conv_winograd.h, each on vectors of channels. */
#ifndef CONV_WINOGRAD_POINTS_H
#define CONV_WINOGRAD_POINTS_H
#include "conv_winograd.h"

#define A ((real)0.625)
#define B ((real)1.5)
#define AA (A * A)
#define BB (B * B)
#define OVER_0 (1 / (AA * BB))
#define OVER_A (1 / (2 * AA * (AA - BB)))
#define OVER_B (1 / (2 * BB * (BB - AA)))

/* B' d: the data polynomial that picks each point out. */
ALWAYS_INLINE void data_points(real *to, int64_t to_step, const real *const from[WINO_SIZE], int64_t at) {
  vec d0 = load(from[0] + at), d1 = load(from[1] + at), d2 = load(from[2] + at);
  vec d3 = load(from[3] + at), d4 = load(from[4] + at), d5 = load(from[5] + at);
  vec even_a = d4 - BB * d2, odd_a = d3 - BB * d1, even_b = d4 - AA * d2, odd_b = d3 - AA * d1;
  store(to, AA * BB * d0 + (d4 - (AA + BB) * d2));
  store(to + to_step, even_a + A * odd_a);
  store(to + 2 * to_step, even_a - A * odd_a);
  store(to + 3 * to_step, even_b + B * odd_b);
  store(to + 4 * to_step, even_b - B * odd_b);
  store(to + 5 * to_step, AA * BB * d1 + (d5 - (AA + BB) * d3));
}

/* G g for the four coefficients of a gradient. */
ALWAYS_INLINE void gradient_points(real *to, int64_t to_step, const real *const from[WINO_SIZE], int64_t at) {
  vec g0 = load(from[0] + at), g1 = load(from[1] + at), g2 = load(from[2] + at), g3 = load(from[3] + at);
  vec even_a = OVER_A * g0 + AA * OVER_A * g2, odd_a = A * OVER_A * g1 + A * AA * OVER_A * g3;
  vec even_b = OVER_B * g0 + BB * OVER_B * g2, odd_b = B * OVER_B * g1 + B * BB * OVER_B * g3;
  store(to, OVER_0 * g0);
  store(to + to_step, even_a + odd_a);
  store(to + 2 * to_step, even_a - odd_a);
  store(to + 3 * to_step, even_b + odd_b);
  store(to + 4 * to_step, even_b - odd_b);
  store(to + 5 * to_step, g3);
}

/* G g for the three taps of a filter. */
ALWAYS_INLINE void filter_points(vec to[WINO_SIZE], vec g0, vec g1, vec g2) {
  vec even_a = OVER_A * g0 + AA * OVER_A * g2, odd_a = A * OVER_A * g1;
  vec even_b = OVER_B * g0 + BB * OVER_B * g2, odd_b = B * OVER_B * g1;
  to[0] = OVER_0 * g0;
  to[1] = even_a + odd_a;
  to[2] = even_a - odd_a;
  to[3] = even_b + odd_b;
  to[4] = even_b - odd_b;
  to[5] = g2;
}

/* A' m: the coefficients of the product, 4 of them or 3. */
ALWAYS_INLINE void coefficients(vec to[WINO_STEP], const int count, vec m0, vec m1, vec m2, vec m3, vec m4,
                                vec m5) {
  vec even_a = m1 + m2, odd_a = m1 - m2, even_b = m3 + m4, odd_b = m3 - m4;
  to[0] = m0 + even_a + even_b;
  to[1] = A * odd_a + B * odd_b;
  to[2] = AA * even_a + BB * even_b;
  if (count == 3) to[2] += m5;
  else to[3] = A * AA * odd_a + (B * BB * odd_b + m5);
}

#endif
