/* Max and average pooling over windows of R x S, and their gradients.
 *
 *   max: y[p, q] = max over (r, s) of x[p * stride_h + r * dilation_h - pad_h, q * stride_w + ...]; index[p,
 * q] is where that is in the plane. Outside x is -inf. NaN wins, and of several the last. avg: y[p, q] = sum
 * over (r, s) of x[...] / count[p, q]; outside x is 0. count is how many places of the window lie inside x,
 * or with include_pad inside x and its padding.
 *
 * Arrays contiguous, none overlap. Planes are shared out over the threads. A row of outputs is worked on in
 * pieces of PIECE, tap by tap, so that the compiler vectorises along the row. */
#include "parallel.h"
#include "simd.h"

enum { PIECE = 128 };

typedef struct {
  int64_t planes, H, W, P, Q, R, S, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, include_pad;
} pool_shape;

typedef struct {
  pool_shape s;
  real *x, *y;
  int64_t *index;
} pool_run;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static pool_run run_of(const kg_instruction *in) {
  pool_run run = {.x = in->args[0], .y = in->args[1], .index = in->args[2]};
  memcpy(&run.s, in->sizes, sizeof run.s);
  return run;
}

static int64_t grain(int64_t work) { return most(1, 32768 / most(1, work)); }

/* Outputs q in [*from, *to) of [first, first + count) whose column q * stride + shift lies in [0, W). */
static void columns_inside(const pool_shape *s, int64_t shift, int64_t first, int64_t count, int64_t *from,
                           int64_t *to) {
  int64_t low = shift < 0 ? (-shift + s->stride_w - 1) / s->stride_w : 0;
  int64_t high = s->W > shift ? (s->W - shift + s->stride_w - 1) / s->stride_w : 0;
  *from = least(most(low - first, 0), count);
  *to = most(*from, least(high - first, count));
}

/* Max -----------------------------------------------------------------------------------------------------*/

/* Keep the larger of best[i] and x[step * i], and where it was; `at` is x's own place. */
static inline __attribute__((always_inline)) void larger(real *restrict best, lane *restrict where,
                                                         const real *restrict x, lane at, int64_t count,
                                                         const int64_t step) {
  for (int64_t i = 0; i < count; i++) {
    real value = x[step * i];
    int take = value > best[i] || value != value || where[i] < 0; /* the first place even if it is -inf */
    best[i] = take ? value : best[i];
    where[i] = take ? at + (lane)(step * i) : where[i];
  }
}

static void max_piece(const pool_shape *s, const real *x, int64_t p, int64_t first, int64_t count, real *y,
                      int64_t *index) {
  real best[PIECE];
  lane where[PIECE];
  for (int64_t i = 0; i < count; i++) best[i] = -(real)__builtin_inf(), where[i] = -1;
  for (int64_t r = 0; r < s->R; r++) {
    int64_t h = p * s->stride_h + r * s->dilation_h - s->pad_h;
    if (h < 0 || h >= s->H) continue;
    for (int64_t t = 0; t < s->S; t++) {
      int64_t shift = t * s->dilation_w - s->pad_w, from, to;
      columns_inside(s, shift, first, count, &from, &to);
      int64_t at = h * s->W + (first + from) * s->stride_w + shift;
      if (s->stride_w == 1) larger(best + from, where + from, x + at, (lane)at, to - from, 1);
      else if (s->stride_w == 2) larger(best + from, where + from, x + at, (lane)at, to - from, 2);
      else larger(best + from, where + from, x + at, (lane)at, to - from, s->stride_w);
    }
  }
  for (int64_t i = 0; i < count; i++) y[i] = best[i], index[i] = where[i];
}

static void max_planes(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const pool_run *run = context;
  const pool_shape *s = &run->s;
  for (int64_t row = begin * s->P; row < end * s->P; row++)
    for (int64_t q = 0; q < s->Q; q += PIECE)
      max_piece(s, run->x + row / s->P * s->H * s->W, row % s->P, q, least(PIECE, s->Q - q),
                run->y + row * s->Q + q, run->index + row * s->Q + q);
}

int NAME(max_pool)(const kg_instruction *in) {
  pool_run run = run_of(in);
  if (run.s.H * run.s.W >= INT32_MAX) return KG_BAD_ARGUMENT;
  kg_parallel(max_planes, &run, run.s.planes, grain(run.s.P * run.s.Q * run.s.R * run.s.S));
  return KG_OK;
}

static void max_planes_backward(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const pool_run *run = context;
  int64_t size = run->s.H, outputs = run->s.W; /* see kernels.h: planes, elements of a plane of x, of y */
  for (int64_t plane = begin; plane < end; plane++) {
    real *x = run->x + plane * size;
    const real *y = run->y + plane * outputs;
    const int64_t *index = run->index + plane * outputs;
    memset(x, 0, (size_t)size * sizeof(real));
    for (int64_t i = 0; i < outputs; i++) x[index[i]] += y[i];
  }
}

int NAME(max_pool_backward)(const kg_instruction *in) {
  pool_run run = run_of(in);
  int64_t size = run.s.H, count = run.s.planes * run.s.W;
  for (int64_t i = 0; i < count; i++)
    if (run.index[i] < 0 || run.index[i] >= size) return KG_BAD_INDEX;
  kg_parallel(max_planes_backward, &run, run.s.planes, grain(size + run.s.W));
  return KG_OK;
}

/* Average -------------------------------------------------------------------------------------------------*/

/* Places of a window that begins at `start` and count for the mean. */
static int64_t counted(int64_t start, int64_t taps, int64_t length, int64_t pad, int include_pad) {
  int64_t end = least(start + taps, length + pad);
  return include_pad ? end - start : least(end, length) - most(start, 0);
}

/* scale[i] = 1 / count[p, first + i] */
static void reciprocals(const pool_shape *s, int64_t p, int64_t first, int64_t count, real *scale) {
  int64_t rows = counted(p * s->stride_h - s->pad_h, s->R, s->H, s->pad_h, s->include_pad != 0);
  for (int64_t i = 0; i < count; i++) {
    int64_t start = (first + i) * s->stride_w - s->pad_w;
    scale[i] = (real)1 / (real)(rows * counted(start, s->S, s->W, s->pad_w, s->include_pad != 0));
  }
}

static inline __attribute__((always_inline)) void add_from(real *restrict sum, const real *restrict x,
                                                           int64_t count, const int64_t step) {
  for (int64_t i = 0; i < count; i++) sum[i] += x[step * i];
}

static inline __attribute__((always_inline)) void add_to(real *restrict x, const real *restrict y,
                                                         int64_t count, const int64_t step) {
  for (int64_t i = 0; i < count; i++) x[step * i] += y[i];
}

/* One piece of a row: y from x, or x += from y. */
static void average_piece(const pool_shape *s, real *x, int64_t p, int64_t first, int64_t count, real *y,
                          int backward) {
  real scale[PIECE], sum[PIECE];
  reciprocals(s, p, first, count, scale);
  for (int64_t i = 0; i < count; i++) sum[i] = backward ? y[i] * scale[i] : 0;
  for (int64_t r = 0; r < s->R; r++) {
    int64_t h = p * s->stride_h + r - s->pad_h;
    if (h < 0 || h >= s->H) continue;
    for (int64_t t = 0; t < s->S; t++) {
      int64_t shift = t - s->pad_w, from, to;
      columns_inside(s, shift, first, count, &from, &to);
      real *at = x + h * s->W + (first + from) * s->stride_w + shift;
      if (backward && s->stride_w == 1) add_to(at, sum + from, to - from, 1);
      else if (backward) add_to(at, sum + from, to - from, s->stride_w);
      else if (s->stride_w == 1) add_from(sum + from, at, to - from, 1);
      else if (s->stride_w == 2) add_from(sum + from, at, to - from, 2);
      else add_from(sum + from, at, to - from, s->stride_w);
    }
  }
  if (!backward)
    for (int64_t i = 0; i < count; i++) y[i] = sum[i] * scale[i];
}

static void average_planes(const pool_run *run, int64_t begin, int64_t end, int backward) {
  const pool_shape *s = &run->s;
  if (backward) memset(run->x + begin * s->H * s->W, 0, (size_t)((end - begin) * s->H * s->W) * sizeof(real));
  for (int64_t row = begin * s->P; row < end * s->P; row++)
    for (int64_t q = 0; q < s->Q; q += PIECE)
      average_piece(s, run->x + row / s->P * s->H * s->W, row % s->P, q, least(PIECE, s->Q - q),
                    run->y + row * s->Q + q, backward);
}

static void average_forward(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  average_planes(context, begin, end, 0);
}
static void average_backward(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  average_planes(context, begin, end, 1);
}

int NAME(avg_pool)(const kg_instruction *in) {
  pool_run run = run_of(in);
  kg_parallel(average_forward, &run, run.s.planes, grain(run.s.P * run.s.Q * run.s.R * run.s.S));
  return KG_OK;
}

int NAME(avg_pool_backward)(const kg_instruction *in) {
  pool_run run = run_of(in);
  kg_parallel(average_backward, &run, run.s.planes, grain(run.s.P * run.s.Q * run.s.R * run.s.S));
  return KG_OK;
}
