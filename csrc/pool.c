/* Max and average pooling over windows of R x S.
 *
 *   max: y[p, q] = max over (r, s) of x[p * stride_h + r * dilation_h - pad_h, q * stride_w + ...]; index[p,
 * q], if given, is where that is in the plane. Outside x is -inf. NaN wins, and of several the last; of equal
 * numbers the first. avg: y[p, q] = sum over (r, s) of x[...] / count[p, q]; outside x is 0. count is how
 * many places of the window lie inside x, or with include_pad inside x and its padding.
 *
 * Arrays contiguous, none overlap. Planes are shared out over the threads.
 *
 * A row of outputs is made in two steps. First the R rows of x under it are joined (added, or the larger
 * taken) into one line, with what is outside x around it: so the second step, which joins S taps along the
 * line, has no edges. Strides of 1 and 2 are vectors there. That is R + S operations an output, not R S. With
 * an index the rows can't be joined, since of equal numbers the first of the window must win: each gets a
 * line. Many lines are made before the first is used, or else its loads would wait for the stores. */
#include "lanes.h"
#include "pool.h"

enum { BUFFER = 16384 / sizeof(real), PIECE = 256 }; /* reals of all lines; outputs of a line */

enum kind { MAX, MAX_INDEX, MEAN };

/* Of a piece of the rows of outputs: */
typedef struct {
  const pool_run *run;
  int64_t first, count;     /* outputs of each row */
  int64_t pitch, lines;     /* reals from line to line; lines an output row */
  real columns[PIECE + VL]; /* MEAN: how many columns of the window count */
  lane inside[PIECE + VL];  /* MAX_INDEX: how far the first column inside x is from the window's begin */
} piece;

INLINE vec joined(vec best, vec value, const enum kind kind) {
  return kind == MEAN ? best + value : maximum(value, best);
}

/* line[i] = x[i] joined with the rows after it. Writes whole vectors: up to VL - 1 reals too many. */
INLINE void join_rows(real *line, const real *x, int64_t n, const int64_t rows, int64_t row_step,
                      const enum kind kind) {
  for (int64_t i = 0; i < n; i += VL) {
    int64_t at = i + VL <= n || n < VL ? i : n - VL;
    vec v = n < VL ? load_n(x, n) : load(x + at);
    for (int64_t r = 1; r < rows; r++) {
      const real *row = x + r * row_step;
      v = joined(v, n < VL ? load_n(row, n) : load(row + at), kind);
    }
    store(line + at, v);
  }
}

/* The line of `rows` rows of x from row h on, as the windows of the piece need it. */
INLINE void make_line(const piece *piece, real *line, const real *plane, int64_t h, int64_t rows,
                      const enum kind kind) {
  const pool_shape *s = &piece->run->s;
  const vec outside = splat(kind == MEAN ? 0 : -(real)__builtin_inf());
  int64_t column = piece->first * s->stride_w - s->pad_w, length = piece->pitch - VL;
  int64_t left = least(most(-column, 0), length), begin = column + left;
  int64_t n = most(0, least(s->W - begin, length - left)), step = s->dilation_h * s->W;
  const real *x = plane + h * s->W + begin;
  for (int64_t i = 0; i < left; i += VL) store(line + i, outside);
  if (rows == 1) join_rows(line + left, x, n, 1, step, kind);
  else if (rows == 2) join_rows(line + left, x, n, 2, step, kind);
  else if (rows == 3) join_rows(line + left, x, n, 3, step, kind);
  else join_rows(line + left, x, n, rows, step, kind);
  for (int64_t i = left + n; i < length; i += VL) store(line + i, outside);
}

/* Every stride-th real; of a strided vector only the first n are wanted. */
INLINE vec strided(const real *p, const int64_t stride, int64_t n) {
  if (stride == 1) return load(p);
  if (stride == 2) return evens(load(p), load(p + VL - 1));
  vec v = {0};
  for (int k = 0; k < least(n, VL); k++) v[k] = p[k * stride];
  return v;
}

/* A row of y from its line. */
INLINE void join_taps(const piece *piece, const real *line, int64_t rows, real *y, const int64_t taps,
                      const int64_t stride, const enum kind kind) {
  int64_t dilation = piece->run->s.dilation_w, count = piece->count;
  for (int64_t i = 0; i < count; i += VL) {
    vec v = strided(line + i * stride, stride, count - i);
    for (int64_t t = 1; t < taps; t++)
      v = joined(v, strided(line + i * stride + t * dilation, stride, count - i), kind);
    if (kind == MEAN) v /= load(piece->columns + i) * (real)rows;
    store_first(y + i, v, count - i);
  }
}

/* A row of outputs: the window's row 0 is row h of the plane, its rows [from, to) lie inside. */
typedef struct {
  int64_t plane, p, h, from, to;
} output_row;

static inline output_row row_at(const pool_shape *s, int64_t plane, int64_t p) {
  int64_t h = p * s->stride_h - s->pad_h;
  if (s->dilation_h == 1) return (output_row){plane, p, h, most(-h, 0), least(s->R, s->H - h)};
  return (output_row){plane, p, h, first_tap(h, s->dilation_h), end_tap(h, s->R, s->H, s->dilation_h)};
}
static inline output_row row_after(const pool_shape *s, const output_row *row) { /* without a division */
  int last = row->p + 1 == s->P;
  return row_at(s, row->plane + last, last ? 0 : row->p + 1);
}

/* A row of y and of the index from the lines of the rows under it. */
INLINE void find_taps(const piece *piece, const real *line, const output_row *row, real *y, int64_t *index,
                      const int64_t taps, const int64_t stride) {
  const pool_shape *s = &piece->run->s;
  int64_t count = piece->count;
  for (int64_t i = 0; i < count; i += VL) {
    vec best = splat(-(real)__builtin_inf());
    mask where; /* from the window's begin; the first place inside even if it is -inf */
    memcpy(&where, piece->inside + i, sizeof where);
    where += (lane)(row->from * s->dilation_h * s->W);
    for (int64_t r = row->from; r < row->to; r++)
      for (int64_t t = 0; t < taps; t++) {
        const real *p = line + (r - row->from) * piece->pitch + i * stride + t * s->dilation_w;
        vec value = strided(p, stride, count - i);
        mask take = (value > best) | (value != value);
        mask at = (mask){0} + (lane)(r * s->dilation_h * s->W + t * s->dilation_w);
        best = choose(take, value, best);
        where = (take & at) | (~take & where);
      }
    store_first(y + i, best, count - i);
    int64_t begin = row->h * s->W + (piece->first + i) * stride - s->pad_w;
    lane places[VL];
    memcpy(places, &where, sizeof places);
    for (int k = 0; k < least(count - i, VL); k++) index[i + k] = begin + k * stride + places[k];
  }
}

/* Rows [begin, end) of outputs of all planes: their piece. */
INLINE void pool_piece(const piece *piece, int64_t begin, int64_t end, const enum kind kind) {
  const pool_run *run = piece->run;
  const pool_shape *s = &run->s;
  real lines[BUFFER];
  int64_t lines_pitch = piece->pitch * piece->lines, batch = BUFFER / lines_pitch;
  output_row made = row_at(s, begin / s->P, begin % s->P), used = made;
  for (int64_t first = begin; first < end; first += batch) {
    int64_t last = least(end, first + batch);
    for (int64_t i = first; i < last; i++, made = row_after(s, &made)) {
      const real *plane = run->x + made.plane * s->H * s->W;
      real *line = lines + (i - first) * lines_pitch;
      int64_t h = made.h + made.from * s->dilation_h, rows = made.to - made.from;
      if (kind != MAX_INDEX) make_line(piece, line, plane, h, rows, kind);
      else
        for (int64_t r = 0; r < rows; r++)
          make_line(piece, line + r * piece->pitch, plane, h + r * s->dilation_h, 1, kind);
    }
    for (int64_t i = first; i < last; i++, used = row_after(s, &used)) {
      const real *line = lines + (i - first) * lines_pitch;
      real *y = run->y + i * s->Q + piece->first;
      int64_t *index = kind == MAX_INDEX ? run->index + i * s->Q + piece->first : 0;
      int64_t rows = kind == MEAN ? counted(used.h, s->R, s->H, s->pad_h, s->include_pad) : 0;
#define EACH(taps, stride)                                                      \
  if (kind == MAX_INDEX) find_taps(piece, line, &used, y, index, taps, stride); \
  else join_taps(piece, line, rows, y, taps, stride, kind)
      if (s->stride_w == 2 && s->S == 2) EACH(2, 2);
      else if (s->stride_w == 2 && s->S == 3) EACH(3, 2);
      else if (s->stride_w == 2) EACH(s->S, 2);
      else if (s->stride_w == 1) EACH(s->S, 1);
      else EACH(s->S, s->stride_w);
#undef EACH
    }
  }
}

/* Rows of windows so large that not even a vector of them fits into a line: one after the other. */
INLINE void scan_rows(const pool_run *run, int64_t begin, int64_t end, const enum kind kind) {
  const pool_shape *s = &run->s;
  for (int64_t row = begin; row < end; row++) {
    const real *plane = run->x + row / s->P * s->H * s->W;
    int64_t h = row % s->P * s->stride_h - s->pad_h;
    int64_t top = first_tap(h, s->dilation_h), bottom = end_tap(h, s->R, s->H, s->dilation_h);
    for (int64_t q = 0; q < s->Q; q++) {
      int64_t w = q * s->stride_w - s->pad_w, where = -1;
      int64_t from = first_tap(w, s->dilation_w), to = end_tap(w, s->S, s->W, s->dilation_w);
      real best = kind == MEAN ? 0 : -(real)__builtin_inf();
      for (int64_t r = top; r < bottom; r++)
        for (int64_t t = from; t < to; t++) {
          int64_t at = (h + r * s->dilation_h) * s->W + w + t * s->dilation_w;
          real value = plane[at];
          if (kind == MEAN) best += value;
          else if (value > best || value != value || where < 0) best = value, where = at;
        }
      if (kind == MEAN)
        best /= (real)(counted(h, s->R, s->H, s->pad_h, s->include_pad) *
                       counted(w, s->S, s->W, s->pad_w, s->include_pad));
      run->y[row * s->Q + q] = best;
      if (kind == MAX_INDEX) run->index[row * s->Q + q] = where;
    }
  }
}

INLINE void pool_rows(const pool_run *run, int64_t begin, int64_t end, const enum kind kind) {
  const pool_shape *s = &run->s;
  int64_t extent = (s->S - 1) * s->dilation_w + 1, most_lines = kind == MAX_INDEX ? s->R : 1;
  int64_t room = BUFFER / most_lines - VL - extent, vectors = (room / s->stride_w + 1) / VL;
  if (room < 0 || vectors < 1) {
    scan_rows(run, begin, end, kind);
    return;
  }
  piece piece = {.run = run, .lines = most_lines};
  int64_t width = least(PIECE, vectors * VL);
  for (piece.first = 0; piece.first < s->Q; piece.first += width) {
    piece.count = least(width, s->Q - piece.first);
    piece.pitch = ((piece.count + VL - 1) / VL * VL - 1) * s->stride_w + extent + VL;
    for (int64_t i = 0; i < piece.count; i++) {
      int64_t w = (piece.first + i) * s->stride_w - s->pad_w;
      if (kind == MEAN) piece.columns[i] = (real)counted(w, s->S, s->W, s->pad_w, s->include_pad);
      if (kind == MAX_INDEX) piece.inside[i] = (lane)(first_tap(w, s->dilation_w) * s->dilation_w);
    }
    pool_piece(&piece, begin, end, kind);
  }
}

#define PLANES(name, kind)                                                  \
  static void name(void *context, int64_t begin, int64_t end, int worker) { \
    (void)worker;                                                           \
    const pool_run *run = context;                                          \
    pool_rows(run, begin * run->s.P, end * run->s.P, kind);                 \
  }
PLANES(max_planes, MAX)
PLANES(max_index_planes, MAX_INDEX)
PLANES(mean_planes, MEAN)

int NAME(max_pool)(const kg_instruction *in) {
  pool_run run = run_of(in);
  if (run.s.H * run.s.W >= INT32_MAX) return KG_BAD_ARGUMENT;
  int64_t work = run.s.P * run.s.Q * run.s.R * run.s.S;
  kg_parallel(run.index ? max_index_planes : max_planes, &run, run.s.planes, grain(work));
  return KG_OK;
}

int NAME(avg_pool)(const kg_instruction *in) {
  pool_run run = run_of(in);
  kg_parallel(mean_planes, &run, run.s.planes, grain(run.s.P * run.s.Q * run.s.R * run.s.S));
  return KG_OK;
}
