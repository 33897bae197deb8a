/* The gradients of pooling (see pool.c).
 *
 *   max: x = 0, then x[index[i]] += y[i] in each plane.
 *   avg: x = 0, then every place of window (p, q) that lies inside x += y[p, q] / count[p, q].
 *
 * Arrays contiguous, none overlap. Planes are shared out over the threads. */
#include "lanes.h"
#include "pool.h"

/* Max -----------------------------------------------------------------------------------------------------*/

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

/* Average -------------------------------------------------------------------------------------------------*/

/* A row of y / count is spread along a line, tap by tap, and the line added to the R rows of x under it: so
 * the strides are met once a row of y. Very wide windows are cut: TAPS at a time. */
enum { LINE = 1024, TAPS = 128, PIECE = 256 };

typedef struct {
  int64_t first, count, tap, taps;         /* outputs of each row, taps of the windows */
  real columns[PIECE + VL];                /* how many columns of the window count */
  real part[TAPS + PIECE + TAPS + 2 * VL]; /* y / count; zeros before and behind */
  real line[LINE + TAPS + 2 * VL];
} piece;

/* line[i * stride + t] = sum of part[i] over i and the taps t. */
INLINE void spread_taps(piece *piece, const int64_t taps, const int64_t stride) {
  const real *part = piece->part + TAPS;
  real *line = piece->line;
  int64_t length = (piece->count - 1) * stride + taps;
  if (stride > 2) {
    memset(line, 0, (size_t)length * sizeof(real));
    for (int64_t t = 0; t < taps; t++)
      for (int64_t i = 0; i < piece->count; i++) line[i * stride + t] += part[i];
    return;
  }
  for (int64_t i = 0; i * stride < length; i += VL) {
    vec even = load(part + i), odd = taps > 1 ? even : splat(0); /* of strides of 1, all are even */
    for (int64_t t = stride; t < taps; t += stride) {
      vec v = load(part + i - t / stride);
      even += v;
      if (t + 1 < taps) odd += v;
    }
    if (stride == 1) store(line + i, even);
    else {
      store(line + 2 * i, interleave_low(even, odd));
      store(line + 2 * i + VL, interleave_high(even, odd));
    }
  }
}

/* x, a plane, += what a piece of the rows of y gives. */
static void spread_piece(const pool_shape *s, piece *piece, real *x, const real *y) {
  int64_t stride = s->stride_w, taps = piece->taps, length = (piece->count - 1) * stride + taps;
  int64_t column = piece->first * stride + piece->tap - s->pad_w;
  int64_t from = most(0, -column), to = least(length, s->W - column);
  for (int64_t p = 0; p < s->P; p++, y += s->Q) {
    int64_t h = p * s->stride_h - s->pad_h;
    real rows = (real)counted(h, s->R, s->H, s->pad_h, s->include_pad);
    for (int64_t i = 0; i < piece->count; i += VL) {
      int64_t n = least(VL, piece->count - i);
      store(piece->part + TAPS + i, load_filled(y + i, n, 0) / (load(piece->columns + i) * rows));
    }
    if (stride == 2 && taps == 2) spread_taps(piece, 2, 2);
    else if (stride == 2 && taps == 3) spread_taps(piece, 3, 2);
    else if (stride == 2) spread_taps(piece, taps, 2);
    else if (stride == 1) spread_taps(piece, taps, 1);
    else spread_taps(piece, taps, stride);
    for (int64_t r = most(0, -h); r < least(s->R, s->H - h); r++) {
      real *restrict row = x + (h + r) * s->W + column + from;
      const real *restrict line = piece->line + from;
      for (int64_t i = 0; i < to - from; i++) row[i] += line[i];
    }
  }
}

static void avg_planes_backward(void *context, int64_t begin, int64_t end, int worker) {
  (void)worker;
  const pool_run *run = context;
  const pool_shape *s = &run->s;
  int64_t width = most(1, least(PIECE, LINE / s->stride_w));
  piece piece = {0};
  for (int64_t plane = begin; plane < end; plane++) {
    real *x = run->x + plane * s->H * s->W;
    memset(x, 0, (size_t)(s->H * s->W) * sizeof(real));
    for (piece.first = 0; piece.first < s->Q; piece.first += width) {
      piece.count = least(width, s->Q - piece.first);
      for (int64_t i = 0; i < piece.count + VL; i++) {
        int64_t w = (piece.first + i) * s->stride_w - s->pad_w;
        piece.columns[i] = i < piece.count ? (real)counted(w, s->S, s->W, s->pad_w, s->include_pad) : 1;
      }
      memset(piece.part + TAPS + piece.count, 0, (size_t)(least(TAPS, s->S) + VL) * sizeof(real));
      for (piece.tap = 0; piece.tap < s->S; piece.tap += TAPS) {
        piece.taps = least(TAPS, s->S - piece.tap);
        spread_piece(s, &piece, x, run->y + plane * s->P * s->Q + piece.first);
      }
    }
  }
}

int NAME(avg_pool_backward)(const kg_instruction *in) {
  pool_run run = run_of(in);
  kg_parallel(avg_planes_backward, &run, run.s.planes, grain(run.s.P * run.s.Q * run.s.R * run.s.S));
  return KG_OK;
}
