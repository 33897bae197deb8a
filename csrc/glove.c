/* KG_GLOVE: AdaGrad on cells of a co-occurrence matrix (Pennington, Socher and Manning, "GloVe", 2014), in place.
 *
 * Rows w and c, the last number of each its bias, and of each number the sum of squares G of its gradients so far:
 *
 *   d = w . c + b + b' - log x         f = min(x / x_max, 1)^power         loss = f d^2 / 2
 *   g = alpha clamp(f d c, -CLIP, CLIP)     w -= g / sqrt(G)     G += g^2
 *
 * and the same for c, from the w before; to a bias the other's number is 1. As in GloVe's program, alpha is in g.
 *
 * Cost      a cell of 100 numbers is 2 kFLOP, 202 roots and as many quotients, and reads 1.6 KB of four rows
 *           and writes them. Arithmetic bounds it while rows are in L2, else memory: rows are fetched AHEAD.
 * Rows      `width` numbers, rows any distance apart, any alignment; nothing behind them is touched. The four tables
 *           must not overlap.
 * Threads   cut the cells and write the same tables without locks, as csrc/words.c does and says why. One thread is exact: cells
 *           are taken in their order, and the tables become the same bits however they are cut into calls. */
#include "lanes.h"
#include "parallel.h"

enum { GRAIN = 1000 /* cells */, AHEAD = 8 /* cells */, LINE = 64 /* bytes */ };

static const real CLIP = 100;

/* Rows of vectors, or sums of squares, and how far they lie apart. */
typedef struct {
  real *first;
  int64_t apart;
} table;

typedef struct {
  table words, contexts, word_squares, context_squares;
  int64_t width, word_count, context_count, cells;
  const int32_t *rows, *columns;
  const real *counts;
  real alpha, power, log_x_max;
  double losses[KG_MAX_THREADS];
} glove_job;

INLINE real *row_of(table t, int64_t i) { return t.first + i * t.apart; }

INLINE void fetch(table t, int64_t i, int64_t width) {
  const char *from = (const char *)row_of(t, i), *end = (const char *)(row_of(t, i) + width);
  for (; from < end; from += LINE) __builtin_prefetch(from, 1);
  __builtin_prefetch(end - 1, 1);
}

/* A vector of one side after its step: x - g / sqrt(G) and G + g^2, where g comes from the other side's numbers. */
typedef struct {
  vec x, squares;
} side;

INLINE side stepped(vec x, vec squares, vec other, vec error, real alpha) {
  const vec bound = splat(CLIP);
  const vec g = lesser_of(bound, greater_of(negate(bound), error * other)) * alpha; /* NaN stays */
  return (side){x - g / sqrt_v(squares), squares + g * g};
}

INLINE void put(const side s, real *x, real *squares, int64_t n) {
  store_first(x, s.x, n);
  store_first(squares, s.squares, n);
}

/* One cell; its loss. Whole vectors are [0, last) of a row; the rest, with the bias, is in its last vector, which
 * begins at `end` and overlaps them: it is computed before and written after them, so that both write the same. */
INLINE double cell(const glove_job *j, int64_t i, real log_x, real weight) {
  const int64_t row = j->rows[i], column = j->columns[i], width = j->width;
  real *const w = row_of(j->words, row), *const w_squares = row_of(j->word_squares, row);
  real *const c = row_of(j->contexts, column), *const c_squares = row_of(j->context_squares, column);
  const int64_t n = width < VL ? width : VL, last = (width - 1) / VL * VL, end = width - n;
  const mask vectors = first_lanes(n - 1),
             again = first_lanes(last - end); /* not the bias; also in [0, last) */
  const vec w_end = load_filled(w + end, n, 0), c_end = load_filled(c + end, n, 0);
  vec sum = choose(again, splat(0), choose(vectors, w_end * c_end, w_end + c_end)), more = {0};
  int64_t v = 0;
  for (; v + VL < last; v += 2 * VL) {
    sum += load(w + v) * load(c + v);
    more += load(w + v + VL) * load(c + v + VL);
  }
  if (v < last) sum += load(w + v) * load(c + v);
  const real difference = sum_of_lanes(sum + more) - log_x, weighted = weight * difference;
  const vec error = splat(weighted), one = splat(1);
  const side w_after =
      stepped(w_end, load_filled(w_squares + end, n, 1), choose(vectors, c_end, one), error, j->alpha);
  const side c_after =
      stepped(c_end, load_filled(c_squares + end, n, 1), choose(vectors, w_end, one), error, j->alpha);
  for (v = 0; v < last; v += VL) {
    const vec x = load(w + v), y = load(c + v);
    put(stepped(x, load(w_squares + v), y, error, j->alpha), w + v, w_squares + v, VL);
    put(stepped(y, load(c_squares + v), x, error, j->alpha), c + v, c_squares + v, VL);
  }
  put(w_after, w + end, w_squares + end, n);
  put(c_after, c + end, c_squares + end, n);
  return 0.5 * (double)weighted * (double)difference;
}

static void train(void *context, int64_t begin, int64_t end, int worker) {
  const glove_job *j = context;
  double loss = 0;
  for (int64_t first = begin; first < end; first += VL) {
    const int64_t n = end - first < VL ? end - first : VL;
    const vec log_x = log_v(load_filled(j->counts + first, n, 1));
    real logs[VL], weights[VL];
    store(logs, log_x);
    store(weights, exp_v(lesser_of(splat(0), log_x - j->log_x_max) * j->power));
    for (int64_t i = 0; i < n; i++) {
      const int64_t next = first + i + AHEAD;
      if (next < end) {
        fetch(j->words, j->rows[next], j->width), fetch(j->word_squares, j->rows[next], j->width);
        fetch(j->contexts, j->columns[next], j->width), fetch(j->context_squares, j->columns[next], j->width);
      }
      loss += cell(j, first + i, logs[i], weights[i]);
    }
  }
  ((glove_job *)context)->losses[worker] = loss;
}

static int refuse(const glove_job *j, double x_max) {
  if (j->width < 2 || !(x_max > 0) || !(j->power >= 0)) return KG_BAD_ARGUMENT;
  int wrong = 0, strange = 0;
  for (int64_t i = 0; i < j->cells; i++) {
    wrong |= (uint32_t)j->rows[i] >= (uint64_t)j->word_count;
    wrong |= (uint32_t)j->columns[i] >= (uint64_t)j->context_count;
    strange |= !(j->counts[i] > 0 && j->counts[i] < INFINITY);
  }
  return wrong ? KG_BAD_INDEX : strange ? KG_BAD_ARGUMENT : KG_OK;
}

int NAME(glove)(const kg_instruction *in) {
  const int64_t *n = in->sizes;
  glove_job j = {.words = {in->args[0], n[4]},
                 .contexts = {in->args[1], n[5]},
                 .word_squares = {in->args[2], n[6]},
                 .context_squares = {in->args[3], n[7]},
                 .cells = n[0],
                 .width = n[1],
                 .word_count = n[2],
                 .context_count = n[3],
                 .rows = in->args[4],
                 .columns = in->args[5],
                 .counts = in->args[6],
                 .alpha = (real)in->values[0],
                 .power = (real)in->values[2],
                 .log_x_max = log_v(splat((real)in->values[1]))[0]};
  const int error = refuse(&j, in->values[1]);
  if (error) return error;
  if (j.cells) kg_parallel(train, &j, j.cells, GRAIN);
  double *loss = in->args[7];
  *loss = 0;
  for (int k = 0; k < KG_MAX_THREADS; k++) *loss += j.losses[k];
  return KG_OK;
}
