/* Recurrent layers: one layer in one direction over a whole sequence, forward and back.
 *
 *   kind     0 rnn, tanh   1 rnn, relu   2 gru   3 lstm   (autograd/ops/recurrent.py has the formulas)
 *   steps T, batch N, hidden H, gates G (1, 1, 3, 4)
 *   row      one step of one sequence. Rows of step t: starts[t] ... starts[t + 1] - 1, sequences 0, 1, ...;
 *            without starts t N ... (t + 1) N - 1. No step has more rows than the one before
 *   reverse  time runs from the last step to the first; sequences shorter than others then begin later
 *
 *   a (rows, G H), weight (G H, H), bias (G H), h and c (N, H)     y (rows, H), last and last_c (N, H)
 *   gates    of each row, for the way back: gru (4 H) r, z, n, W_n h + b_n; lstm (4 H) i, f, g, o
 *   cells    (rows, H) the cell states of lstm
 *
 * Sequences depend on no other: threads take sequences, each through all steps, and never wait. The weight is
 * packed once: panels of V vectors side by side, the gates of VL units (gru, lstm), so that a tile of some
 * rows holds all that its units need, and their gates, states and gradients are computed on the spot. Sums run
 * over k in order for every row by itself: results do not depend on the number of threads. */
#ifndef RECURRENT_H
#define RECURRENT_H
#include "lanes.h"
#include "parallel.h"

enum { RNN_TANH, RNN_RELU, GRU, LSTM, KINDS };

/* Rows of a tile of V vectors, by registers: V accumulators a row, V of w, 1 of x. */
#if defined(KG_ISA_avx512)
enum { ROWS_2 = 14, ROWS_3 = 9, ROWS_4 = 6 };
#elif defined(KG_ISA_avx2)
enum { ROWS_2 = 6, ROWS_3 = 3, ROWS_4 = 2 };
#elif defined(KG_ISA_neon)
enum { ROWS_2 = 12, ROWS_3 = 8, ROWS_4 = 6 };
#else
enum { ROWS_2 = 4, ROWS_3 = 3, ROWS_4 = 2 };
#endif
enum { MOST_SUMS = 2 * 14 }; /* vectors of a tile, at most */

typedef struct {
  int kind, reverse;
  int64_t steps, batch, hidden, gates;
  int64_t vectors, panels; /* of the packed weight: vectors of a panel, how many */
  const int64_t *starts;
  real *packed; /* the weight */
  const real *zeros;
} sequence;

INLINE int64_t gates_of(int kind) { return kind == LSTM ? 4 : kind == GRU ? 3 : 1; }
INLINE int64_t most_rows(int64_t vectors) { return vectors == 4 ? ROWS_4 : vectors == 3 ? ROWS_3 : ROWS_2; }
INLINE int64_t start_of(const sequence *s, int64_t t) { return s->starts ? s->starts[t] : t * s->batch; }
INLINE int64_t size_of(const sequence *s, int64_t t) {
  return t < 0 || t >= s->steps ? 0 : start_of(s, t + 1) - start_of(s, t);
}
INLINE int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

/* back: with the panels of the way back. */
sequence NAME(sequence_of)(const int64_t *sizes, const int64_t *starts, int back);

/* Rows of a matrix, or (stride 0) always the same one. */
typedef struct {
  const real *at;
  int64_t stride;
} lines;
INLINE const real *line(lines x, int64_t i) { return x.at + i * x.stride; }

/* Where the states lie that sequences r ... had before step t, given those after each step and the first. */
INLINE lines states_before(const sequence *s, int64_t t, int64_t r, const real *after, const real *first) {
  const int64_t before = s->reverse ? t + 1 : t - 1, h = s->hidden;
  if (r < size_of(s, before)) return (lines){after + (start_of(s, before) + r) * h, h};
  return first ? (lines){first + r * h, h} : (lines){s->zeros, 0};
}

/* The sequences that worker `which` of `count` takes: as many rows as the others, if it can be. */
int64_t NAME(first_sequence)(const sequence *s, int64_t which, int64_t count);
/* How many threads are worth it. */
int64_t NAME(workers)(const sequence *s);

/* The weight in panels, zeros past its end. Forward (H rows of V vectors a panel) a vector holds w[those units of
 * one gate, k], back (G H rows) w[k, those units]. */
void NAME(pack_gates)(const sequence *s, const real *weight);
void NAME(pack_units)(const sequence *s, const real *weight);

/* sums (rows, V vectors) = x (rows, k) @ a panel. */
typedef void recurrent_tile(int64_t k, lines x, const real *panel, vec *sums);
recurrent_tile *NAME(tile_of)(int64_t vectors, int64_t rows);

#endif
