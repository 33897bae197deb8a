/* A strip: WIDE vectors side by side, or the n < COLUMNS elements that are left of them. `full` is a constant,
 * so that whole strips have no branches. */
#ifndef KG_STRIP_H
#define KG_STRIP_H
#include "lanes.h"

enum { WIDE = 4 };
enum { COLUMNS = WIDE * VL };

INLINE void load_strip(vec v[WIDE], const real *p, int64_t n, int full) {
#pragma GCC unroll 4
  for (int k = 0; k < WIDE; k++) {
    const int64_t left = n - k * VL;
    v[k] = full ? load(p + k * VL) : left <= 0 ? splat(0) : load_filled(p + k * VL, left, 0);
  }
}
INLINE void store_strip(real *p, const vec v[WIDE], int64_t n, int full) {
#pragma GCC unroll 4
  for (int k = 0; k < WIDE; k++) {
    const int64_t left = n - k * VL;
    if (full) store(p + k * VL, v[k]);
    else if (left > 0) store_first(p + k * VL, v[k], left);
  }
}
#define EACH _Pragma("GCC unroll 4") for (int k = 0; k < WIDE; k++)

/* A function over a range of strips: job->strips of them in a row of job->width, rows one after the other. */
#define STRIPS(name, job_type, strip)                                                      \
  static void name(void *context, int64_t begin, int64_t end, int worker) {                \
    job_type *j = context;                                                                 \
    (void)worker;                                                                          \
    for (int64_t u = begin; u < end; u++) {                                                \
      const int64_t row = u / j->strips, c = u % j->strips * COLUMNS, left = j->width - c; \
      if (left >= COLUMNS) strip(j, row, c, COLUMNS, 1);                                   \
      else strip(j, row, c, left, 0);                                                      \
    }                                                                                      \
  }
INLINE int64_t strips_in(int64_t width) { return (width + COLUMNS - 1) / COLUMNS; }

#endif
