/* The gradients of pooling (see pool.c).
 *
 *   max: x = 0, then x[index[i]] += y[i] in each plane.
 *   avg: x = 0, then every place of window (p, q) that lies inside x += y[p, q] / count[p, q].
 *
 * Arrays contiguous, none overlap. Planes are shared out over the threads. */
#include "pool.h"

enum { PIECE = 128 };

typedef struct {
  pool_run run;
  int bad;
} scatter;

static void max_planes_backward(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  scatter *job = context;
  const pool_run *run = &job->run;
  int64_t size = run->s.H, outputs = run->s.W; /* see kernels.h: planes, elements of a plane of x, of y */
  for (int64_t plane = begin; plane < end; plane++) {
    real *x = run->x + plane * size;
    const real *y = run->y + plane * outputs;
    const int64_t *index = run->index + plane * outputs;
    memset(x, 0, (size_t)size * sizeof(real));
    for (int64_t i = 0; i < outputs; i++) {
      if ((uint64_t)index[i] < (uint64_t)size) x[index[i]] += y[i];
      else __atomic_store_n(&job->bad, 1, __ATOMIC_RELAXED);
    }
  }
}

int NAME(max_pool_backward)(const kg_instruction *in) {
  scatter job = {.run = run_of(in)};
  kg_parallel(max_planes_backward, &job, job.run.s.planes, grain(job.run.s.H + job.run.s.W));
  return job.bad ? KG_BAD_INDEX : KG_OK;
}

/* Outputs q in [*from, *to) of [first, first + count) whose column q * stride + shift lies in [0, W). */
static void columns_inside(const pool_shape *s, int64_t shift, int64_t first, int64_t count, int64_t *from,
                           int64_t *to) {
  int64_t low = shift < 0 ? (-shift + s->stride_w - 1) / s->stride_w : 0;
  int64_t high = s->W > shift ? (s->W - shift + s->stride_w - 1) / s->stride_w : 0;
  *from = least(most(low - first, 0), count);
  *to = most(*from, least(high - first, count));
}

static inline __attribute__((always_inline)) void add_to(real *restrict x, const real *restrict y,
                                                         int64_t count, const int64_t step) {
  for (int64_t i = 0; i < count; i++) x[step * i] += y[i];
}

/* x += what a piece of a row of y gives, tap by tap. */
static void spread_piece(const pool_shape *s, real *x, int64_t p, int64_t first, int64_t count,
                         const real *y) {
  real part[PIECE];
  int64_t rows = counted(p * s->stride_h - s->pad_h, s->R, s->H, s->pad_h, s->include_pad);
  for (int64_t i = 0; i < count; i++) {
    int64_t start = (first + i) * s->stride_w - s->pad_w;
    part[i] = y[i] / (real)(rows * counted(start, s->S, s->W, s->pad_w, s->include_pad));
  }
  for (int64_t r = 0; r < s->R; r++) {
    int64_t h = p * s->stride_h + r - s->pad_h;
    if (h < 0 || h >= s->H) continue;
    for (int64_t t = 0; t < s->S; t++) {
      int64_t shift = t - s->pad_w, from, to;
      columns_inside(s, shift, first, count, &from, &to);
      real *at = x + h * s->W + (first + from) * s->stride_w + shift;
      if (s->stride_w == 1) add_to(at, part + from, to - from, 1);
      else add_to(at, part + from, to - from, s->stride_w);
    }
  }
}

static void avg_planes_backward(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const pool_run *run = context;
  const pool_shape *s = &run->s;
  memset(run->x + begin * s->H * s->W, 0, (size_t)((end - begin) * s->H * s->W) * sizeof(real));
  for (int64_t row = begin * s->P; row < end * s->P; row++)
    for (int64_t q = 0; q < s->Q; q += PIECE)
      spread_piece(s, run->x + row / s->P * s->H * s->W, row % s->P, q, least(PIECE, s->Q - q),
                   run->y + row * s->Q + q);
}

int NAME(avg_pool_backward)(const kg_instruction *in) {
  pool_run run = run_of(in);
  kg_parallel(avg_planes_backward, &run, run.s.planes, grain(run.s.P * run.s.Q * run.s.R * run.s.S));
  return KG_OK;
}
