/* Across the lanes of a vector: partial loads with a chosen filling, sums and extremes of all lanes. */
#ifndef KG_LANES_H
#define KG_LANES_H
#include "elementary.h"

#define INLINE static inline __attribute__((always_inline))

/* True in the first n lanes. */
static inline mask first_lanes(int64_t n) {
  mask index;
  for (int i = 0; i < VL; i++) index[i] = i;
  return index < (lane)n;
}

/* The first n of VL elements (n >= 1), the rest `fill`. */
static inline vec load_filled(const real *p, int64_t n, real fill) {
  return n >= VL ? load(p) : choose(first_lanes(n), load_n(p, n), splat(fill));
}

static inline void store_first(real *p, vec v, int64_t n) {
  if (n >= VL) store(p, v);
  else store_n(p, v, n);
}

/* n numbers of a vector: all of them (full, known when compiled), or the first. */
INLINE vec load_part(const real *p, int64_t n, int full) { return full ? load(p) : load_n(p, n); }
INLINE void store_part(real *p, vec v, int64_t n, int full) {
  if (full) store(p, v);
  else store_n(p, v, n);
}

/* n, rounded up to whole vectors. */
INLINE int64_t whole_vectors(int64_t n) { return (n + VL - 1) / VL * VL; }

/* Each round joins the lower half with the upper half, every lane twice: after log2(VL) rounds every lane
 * holds the result. Pairwise, so the error of a sum does not grow with the number of lanes. */
#define ACROSS(name, join)                                     \
  static inline real name(vec v) {                             \
    _Pragma("GCC unroll 4") for (int w = 1; w < VL; w *= 2) {  \
      vec a = interleave_low(v, v), b = interleave_high(v, v); \
      v = join;                                                \
    }                                                          \
    return v[0];                                               \
  }
ACROSS(sum_of_lanes, a + b)
ACROSS(product_of_lanes, a *b)
ACROSS(maximum_of_lanes, maximum(a, b))
ACROSS(minimum_of_lanes, minimum(a, b))
#undef ACROSS

#endif
