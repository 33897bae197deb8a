/* What the pooling kernels share: their sizes (see kernels.h), and which taps of a window lie inside x. */
#ifndef KG_POOL_H
#define KG_POOL_H
#include "parallel.h"
#include "simd.h"

typedef struct {
  int64_t planes, H, W, P, Q, R, S, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, include_pad;
} pool_shape;

typedef struct {
  pool_shape s;
  real *x, *y;
  int64_t *index;
} pool_run;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static inline pool_run run_of(const kg_instruction *in) {
  pool_run run = {.x = in->args[0], .y = in->args[1], .index = in->args[2]};
  memcpy(&run.s, in->sizes, sizeof run.s);
  return run;
}

/* Planes that are worth a thread of their own. */
static inline int64_t grain(int64_t work) { return most(1, 32768 / most(1, work)); }

/* The first tap that is not before the axis, of a window that begins at `start`; the first that is behind. */
static inline int64_t first_tap(int64_t start, int64_t dilation) {
  return start < 0 ? (-start + dilation - 1) / dilation : 0;
}
static inline int64_t end_tap(int64_t start, int64_t taps, int64_t length, int64_t dilation) {
  return most(0, least(taps, (length - start + dilation - 1) / dilation));
}

/* Places of a window that begins at `start` and count for the mean. */
static inline int64_t counted(int64_t start, int64_t taps, int64_t length, int64_t pad, int64_t include_pad) {
  int64_t end = least(start + taps, length + pad);
  return include_pad ? end - start : least(end, length) - most(start, 0);
}

#endif
